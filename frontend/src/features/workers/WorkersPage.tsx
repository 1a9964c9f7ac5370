import { useQuery } from "@tanstack/react-query";

import { sessionQuery } from "@/api/queries";
import { workersQuery } from "@/api/worker-queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { QueueTable } from "./QueueTable";
import { StartWorker } from "./StartWorker";
import { StoragePanel } from "./StoragePanel";
import { groupByHost, summarize } from "./worker-groups";
import { WorkerCard } from "./WorkerCard";
import "./workers.css";

/** Machines, their devices, what runs where, and what waits. */
export function WorkersPage() {
  const query = useQuery(workersQuery);
  const session = useQuery(sessionQuery);
  return (
    <div className="page">
      <div className="page-head">
        <h1>Workers</h1>
        <span className="soft" role="status" data-testid="workers-summary">
          {query.data === undefined || query.data.length === 0 ? null : summarize(query.data)}
        </span>
      </div>
      {query.isError && !query.data ? (
        <ErrorState what="The workers could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Loading workers" rows={3} height={96} />
      ) : query.data.length === 0 ? (
        <EmptyState title="No worker yet">
          <p>A worker carries out runs with the GPUs or the CPU of its machine. <code>maye up</code> starts one beside the platform.</p>
          <StartWorker />
        </EmptyState>
      ) : (
        <>
          {groupByHost(query.data).map(({ host, workers }) => (
            <section key={host} className="workers-section" aria-label={host === "" ? "Unknown machine" : `Machine ${host}`}>
              <h2>
                <span className="soft">Machine</span> {host === "" ? <span className="soft">not known yet</span> : host}
              </h2>
              <div className="worker-cards">
                {workers.map((worker) => (
                  <WorkerCard key={worker.name} worker={worker} serverVersion={session.data?.version} />
                ))}
              </div>
            </section>
          ))}
          <QueueTable />
          <details className="workers-section add-worker">
            <summary>Add a worker on another machine</summary>
            <StartWorker />
          </details>
        </>
      )}
      <StoragePanel />
    </div>
  );
}
