import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { queueQuery } from "@/api/worker-queries";
import { Age } from "@/components/Age";
import { ErrorState, Loading } from "@/components/States";
import { capitalize } from "@/format";

/** Runs that wait, in the order in which they are served, each with what it waits for. */
export function QueueTable() {
  const query = useQuery(queueQuery);
  return (
    <section className="workers-section" aria-labelledby="queue-title">
      <h2 id="queue-title">Queue</h2>
      {query.isError && !query.data ? (
        <ErrorState what="The queue could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading the queue" rows={2} height={32} />
      ) : query.data.runs.length === 0 ? (
        <p className="soft">No run waits.</p>
      ) : (
        <div className="card list-card">
          <table className="list queue" data-testid="queue">
            <thead>
              <tr>
                <th scope="col">Run</th>
                <th scope="col" className="number">
                  Priority
                </th>
                <th scope="col">Waits for</th>
                <th scope="col" className="number">
                  Created
                </th>
              </tr>
            </thead>
            <tbody>
              {query.data.runs.map((run) => (
                <tr key={run.id}>
                  <td>
                    <Link to="/runs/$runId" params={{ runId: run.id }} className="list-name">
                      {run.name}
                    </Link>
                  </td>
                  <td className="number" data-label="Priority">
                    {run.priority}
                  </td>
                  <td>{capitalize(run.waits_for ?? "a worker")}</td>
                  <td className="number soft">
                    <Age at={run.created_at} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {query.data.isComplete ? null : <p className="soft small queue-rest">Only the newest of the queue are shown.</p>}
        </div>
      )}
    </section>
  );
}
