import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";

import type { Schemas, Trajectory } from "@/api/client";
import { runQuery, tracesQuery, trajectoryQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { Flow } from "./Flow";
import { PromptPanel } from "./PromptPanel";
import { listQuantities } from "./quantities";
import { ResponsePanel } from "./ResponsePanel";
import { StepsToolbar } from "./StepsToolbar";
import { LossSum, RewardSum } from "./Sums";
import "./steps.css";

const route = getRouteApi("/shell/runs/$runId/steps");

/** One RL step opened: what the four steps made of one response. */
export function StepsTab() {
  const { runId } = route.useParams();
  const query = useQuery(tracesQuery(runId));
  const index = query.data;
  if (index === undefined) {
    return query.isError ? (
      <ErrorState what="The traced steps could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading label="Loading the traced steps" rows={4} height={120} />
    );
  }
  const newest = index.steps.at(-1);
  return (
    <>
      {index.unreadable.map(({ rl_step, reason }) => (
        <p key={rl_step} className="notice" data-kind="failed" data-testid="unreadable-trace" role="alert">
          The trace of RL step {rl_step} cannot be read: {reason}
        </p>
      ))}
      {newest === undefined ? <NoTraces every={index.every_rl_steps} /> : <Traces index={index} newest={newest} />}
    </>
  );
}

function Traces({ index, newest }: { index: Schemas["TrajectoryIndex"]; newest: Schemas["TracedStep"] }) {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const step = search.step === undefined ? newest : index.steps.find(({ rl_step }) => rl_step === search.step);
  const sample = search.sample ?? step?.indices[0] ?? 0;
  const query = useQuery({
    ...trajectoryQuery(runId, step?.rl_step ?? 0, sample),
    enabled: step?.indices.includes(sample) ?? false,
    placeholderData: keepPreviousData,
  });
  if (step === undefined || !step.indices.includes(sample)) {
    const what = step === undefined ? `RL step ${search.step ?? 0}` : `Response ${sample} of RL step ${step.rl_step}`;
    return (
      <EmptyState title={`${what} is not traced`}>
        <button type="button" className="button" onClick={() => void navigate({ search: {} })}>
          Show the newest traced step
        </button>
      </EmptyState>
    );
  }
  return (
    <>
      <StepsToolbar steps={index.steps} step={step} sample={sample} trajectory={query.data} />
      {query.data !== undefined ? (
        <Opened trajectory={query.data} isStale={query.isPlaceholderData} />
      ) : query.isError ? (
        <ErrorState what="The trace could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : (
        <Loading label="Loading the trace" rows={3} height={180} />
      )}
    </>
  );
}

function Opened({ trajectory, isStale }: { trajectory: Trajectory; isStale: boolean }) {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: run } = useQuery(runQuery(runId));
  const update = trajectory.updates.find(({ index }) => index === search.update) ?? trajectory.updates[0];
  const quantities = listQuantities(trajectory, update);
  const shown = quantities.find(({ name }) => name === search.show) ?? quantities[0];
  const show = (name: string) => void navigate({ search: { ...search, show: name }, replace: true, resetScroll: false });
  return (
    <div className="steps" data-testid="trajectory" data-step={trajectory.rl_step} data-index={trajectory.index} aria-busy={isStale}>
      <Flow trajectory={trajectory} quantities={quantities} shown={shown?.name} onShow={show} />
      <div className="steps-columns">
        <PromptPanel key={`${trajectory.rl_step} ${trajectory.index}`} trajectory={trajectory} dataset={run?.dataset ?? ""} />
        <div className="steps-main">
          {shown === undefined ? null : (
            <ResponsePanel
              key={`${trajectory.rl_step} ${trajectory.index}`}
              trajectory={trajectory}
              quantities={quantities}
              shown={shown}
              onShow={show}
            />
          )}
          <div className="steps-sums">
            <RewardSum trajectory={trajectory} />
            <LossSum trajectory={trajectory} update={update} />
          </div>
        </div>
      </div>
    </div>
  );
}

function NoTraces({ every }: { every: number }) {
  const { runId } = route.useParams();
  return (
    <EmptyState title={every === 0 ? "No step of this run is traced" : "No step is traced yet"}>
      {every === 0 ? (
        <>
          <p>
            A trace keeps what the four steps made of a few responses: tokens, log-probabilities, rewards, advantages and loss. It is
            switched on by <code>trace.every_rl_steps</code> in the form of a new run; 16 traces every sixteenth step.
          </p>
          <Link to="/runs/new" className="button">
            New run
          </Link>
        </>
      ) : (
        <>
          <p>The first RL step is traced, and every {every === 1 ? "one" : `${every}th`} after it. It appears here as soon as it is done.</p>
          <Link to="/runs/$runId" params={{ runId }} className="button">
            Watch the charts
          </Link>
        </>
      )}
    </EmptyState>
  );
}
