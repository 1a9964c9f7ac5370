import { Link } from "@tanstack/react-router";

import type { Worker } from "@/api/worker-queries";
import { Age } from "@/components/Age";

import { DeviceTable } from "./DeviceTable";
import { differingVersion } from "./worker-groups";
import { WorkerActions } from "./WorkerActions";
import { WorkerStateBadge } from "./WorkerStateBadge";

const SECOND_MS = 1000;

interface Props {
  worker: Worker;
  /** Version of Maye that the server runs. */
  serverVersion: string | undefined;
}

/** One worker: how it is, what it has, what it carries. */
export function WorkerCard({ worker, serverVersion }: Props) {
  return (
    <article className="card worker" data-testid="worker" data-worker={worker.name} data-state={worker.state} aria-label={`Worker ${worker.name}`}>
      <header className="row worker-head">
        <h3 className="worker-name">{worker.name}</h3>
        <WorkerStateBadge state={worker.state} />
        <span className="soft small">
          heard from <Age at={worker.last_seen_at} everyMs={SECOND_MS} />
        </span>
        <span className="grow" />
        <WorkerActions worker={worker} />
      </header>
      <DeviceTable worker={worker} />
      <Carried worker={worker} />
      <Versions worker={worker} serverVersion={serverVersion} />
    </article>
  );
}

function Carried({ worker }: { worker: Worker }) {
  if (worker.runs.length === 0) return <p className="soft worker-runs">Carries no run.</p>;
  return (
    <p className="worker-runs" data-testid="carried">
      <span className="soft">Carries </span>
      {worker.runs.map((run, index) => (
        <span key={run.id}>
          {index === 0 ? "" : ", "}
          <Link to="/runs/$runId" params={{ runId: run.id }}>
            {run.name}
          </Link>
        </span>
      ))}
    </p>
  );
}

/** What is installed there, folded; a Maye that is not the server's is said outside. */
function Versions({ worker, serverVersion }: Props) {
  const differing = differingVersion(worker, serverVersion);
  const versions = Object.entries(worker.versions).toSorted(([a], [b]) => a.localeCompare(b));
  return (
    <footer className="worker-foot">
      {differing === null ? null : (
        <p className="notice" data-kind="waits" data-testid="version-differs">
          It has Maye {differing}, the server {serverVersion}. Install the same version there, then start the worker again.
        </p>
      )}
      {versions.length === 0 ? null : (
        <details className="small">
          <summary className="soft">Versions</summary>
          <dl className="versions">
            {versions.map(([name, version]) => (
              <div key={name} data-differs={name === "maye" && differing !== null}>
                <dt>{name}</dt>
                <dd className="mono">{version}</dd>
              </div>
            ))}
            {worker.started_at === null ? null : (
              <div>
                <dt>started</dt>
                <dd>
                  <Age at={worker.started_at} />
                </dd>
              </div>
            )}
          </dl>
        </details>
      )}
    </footer>
  );
}
