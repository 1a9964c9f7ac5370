import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { ApiError, imageUrl } from "@/api/client";
import { runQuery, samplesQuery } from "@/api/queries";
import { ResponseCard } from "@/components/ResponseCard";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatPlural, formatShare } from "@/format";

import { ResponsesToolbar } from "./ResponsesToolbar";
import { nearestStep, selectSamples } from "./responses-search";
import "./responses.css";

const route = getRouteApi("/shell/runs/$runId/responses");

export function ResponsesTab() {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const { data: run } = useQuery(runQuery(runId));
  const query = useQuery({ ...samplesQuery(runId, search.step), placeholderData: keepPreviousData });
  const page = query.data;
  if (query.isError && (page === undefined || !isAbsent(query.error))) {
    return isAbsent(query.error) ? (
      <AbsentStep step={search.step ?? 0} />
    ) : (
      <ErrorState what="The responses could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    );
  }
  if (page === undefined) return <Loading label="Loading responses" rows={4} height={180} />;
  if (page.rl_steps.length === 0) {
    return (
      <EmptyState title="No responses yet">
        <p>What the model writes appears here after the first RL step: picture, question, response and reward.</p>
      </EmptyState>
    );
  }
  const shown = selectSamples(page.samples, search);
  const numRight = page.samples.filter((sample) => sample.is_correct).length;
  const near = nearestStep(page.rl_steps, search.step ?? 0);
  return (
    <>
      <ResponsesToolbar search={search} steps={page.rl_steps} step={page.rl_step ?? search.step ?? 0} />
      {page.samples.length === 0 ? (
        <EmptyState title={`No responses are stored for step ${search.step ?? 0}`}>
          {near === undefined ? null : (
            <button type="button" className="button" onClick={() => void navigate({ search: { ...search, step: near } })}>
              Go to step {near}
            </button>
          )}
        </EmptyState>
      ) : (
        <>
          <p className="soft responses-summary" role="status" data-testid="responses-summary">
            {formatPlural(page.samples.length, "stored response")}, {numRight} right (
            {formatShare(numRight / page.samples.length, 0)}){shown.length === page.samples.length ? "" : `; ${shown.length} shown`}
          </p>
          <ol className="responses" data-testid="responses" data-step={page.rl_step ?? undefined} aria-busy={query.isPlaceholderData}>
            {shown.map((sample) => (
              <li key={`${sample.rl_step} ${sample.index}`}>
                <ResponseCard
                  response={sample}
                  index={sample.index}
                  picture={sample.image_sha256 === null ? null : imageUrl(run?.dataset ?? "", sample.image_sha256)}
                  reward={sample.outcome_reward}
                />
              </li>
            ))}
          </ol>
        </>
      )}
    </>
  );
}

function isAbsent(error: Error): boolean {
  return error instanceof ApiError && error.status === 404;
}

function AbsentStep({ step }: { step: number }) {
  const navigate = route.useNavigate();
  return (
    <EmptyState title={`No responses are stored for step ${step}`}>
      <button type="button" className="button" onClick={() => void navigate({ search: {} })}>
        Show the newest responses
      </button>
    </EmptyState>
  );
}
