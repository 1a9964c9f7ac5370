import { useInfiniteQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { experimentsQuery } from "@/api/experiment-queries";
import type { ExperimentSummary } from "@/api/experiment-queries";
import { Age } from "@/components/Age";
import { ProgressBar } from "@/components/ProgressBar";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { StatusBadge } from "@/components/StatusBadge";
import { formatPlural } from "@/format";

import { countOf, stateOf } from "./experiment-state";
import "./experiments.css";

export function ExperimentsPage() {
  const query = useInfiniteQuery(experimentsQuery);
  const experiments = query.data?.pages.flatMap((page) => page.experiments) ?? [];
  return (
    <div className="page">
      <div className="page-head">
        <h1>Experiments</h1>
        <span className="soft" role="status">
          {query.data ? formatPlural(experiments.length, "experiment") : null}
        </span>
        <span className="grow" />
        <Link to="/experiments/new" className="button primary">
          New experiment
        </Link>
      </div>
      {query.isError && !query.data ? (
        <ErrorState what="The experiments could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading experiments" rows={6} height={32} />
      ) : experiments.length === 0 ? (
        <EmptyState title="No experiments yet">
          <p>
            An experiment treats models in several ways (left as they are, fine-tuned, trained by reinforcement learning) with several
            seeds, and reports what came of it: accuracies against the model before training, figures, findings.
          </p>
          <Link to="/experiments/new" className="button primary">
            New experiment
          </Link>
        </EmptyState>
      ) : (
        <ExperimentTable experiments={experiments} />
      )}
      {query.hasNextPage ? (
        <button type="button" className="button older" onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
          Show older experiments
        </button>
      ) : null}
    </div>
  );
}

function ExperimentTable({ experiments }: { experiments: ExperimentSummary[] }) {
  return (
    <div className="card list-card">
      <table className="list experiments" data-testid="experiments-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Runs finished</th>
            <th scope="col">Settings</th>
            <th scope="col">Models</th>
            <th scope="col">Data sets</th>
            <th scope="col">Seeds</th>
            <th scope="col" className="number">
              Created
            </th>
          </tr>
        </thead>
        <tbody>
          {experiments.map((experiment) => {
            const state = stateOf(experiment.runs_by_status);
            const numFailed = countOf(experiment.runs_by_status, "failed");
            return (
              <tr key={experiment.id} data-testid="experiment-row">
                <td className="experiments-name">
                  <Link to="/experiments/$experimentId" params={{ experimentId: experiment.id }} className="list-name">
                    {experiment.name}
                  </Link>
                  {numFailed === 0 ? null : <span className="small experiments-failed">{formatPlural(numFailed, "run")} failed</span>}
                </td>
                <td>
                  <StatusBadge status={state} />
                </td>
                <td>
                  <ProgressBar
                    label="Runs finished"
                    step={countOf(experiment.runs_by_status, "succeeded")}
                    total={experiment.num_runs}
                    status={state}
                  />
                </td>
                <td>{experiment.settings.join(", ")}</td>
                <td className="mono">{experiment.models.join(", ")}</td>
                <td className="mono">{experiment.datasets.join(", ")}</td>
                <td>{experiment.seeds.join(", ")}</td>
                <td className="number soft">
                  <Age at={experiment.created_at} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
