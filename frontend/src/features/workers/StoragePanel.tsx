import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { storageQuery } from "@/api/worker-queries";
import type { Storage } from "@/api/worker-queries";
import { ErrorState, Loading } from "@/components/States";
import { capitalize, formatBytes, formatGib } from "@/format";

import { storageRows } from "./storage-rows";

/** What takes space, what is left, and what goes next. */
export function StoragePanel() {
  const query = useQuery(storageQuery);
  return (
    <section className="workers-section" id="storage" aria-labelledby="storage-title">
      <h2 id="storage-title">Storage</h2>
      {query.isError && !query.data ? (
        <ErrorState what="The storage could not be measured" error={query.error} onRetry={() => void query.refetch()} />
      ) : query.isPending ? (
        <Loading label="Measuring the storage" rows={3} height={32} />
      ) : (
        <Panel storage={query.data} />
      )}
    </section>
  );
}

function Panel({ storage: { disk, stored_bytes: stored, checkpoint_quota_bytes: quota, removals, warnings } }: { storage: Storage }) {
  const used = disk.total_bytes - disk.free_bytes;
  return (
    <div className="card storage" data-testid="storage" data-state={disk.state}>
      {warnings.map((warning) => (
        <p key={warning} className="notice" data-kind={disk.state === "full" ? "failed" : "waits"}>
          {capitalize(warning)}
        </p>
      ))}
      <dl className="facts">
        <div>
          <dt>Disk of MAYE_HOME</dt>
          <dd>
            {formatGib(disk.free_bytes)} free of {formatGib(disk.total_bytes)}
          </dd>
        </div>
        <div>
          <dt>Used on it, by all</dt>
          <dd>{formatGib(used)}</dd>
        </div>
        <div>
          <dt>No run starts below</dt>
          <dd>{formatGib(disk.min_free_bytes)}</dd>
        </div>
        <div>
          <dt>Quota of checkpoints</dt>
          <dd>{quota === null ? "none" : `${formatGib(stored.checkpoints ?? 0)} of ${formatGib(quota)}`}</dd>
        </div>
      </dl>
      <table className="storage-kinds">
        <caption className="visually-hidden">What Maye stores, largest first</caption>
        <tbody>
          {storageRows(stored).map(({ label, bytes, share }) => (
            <tr key={label}>
              <th scope="row">{label}</th>
              <td className="number">{formatBytes(bytes)}</td>
              <td className="storage-bar" aria-hidden="true">
                <span style={{ width: `${share * 100}%` }} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <Removals removals={removals} />
    </div>
  );
}

function Removals({ removals }: { removals: Storage["removals"] }) {
  if (removals.length === 0) return <p className="soft">Retention takes nothing away next.</p>;
  return (
    <div>
      <h3>Goes next</h3>
      <ul className="removals" data-testid="removals">
        {removals.map((one) => (
          <li key={`${one.run_id} ${one.checkpoint}`}>
            Checkpoint of step {one.rl_step} of{" "}
            <Link to="/runs/$runId" params={{ runId: one.run_id }}>
              {one.run_name}
            </Link>
            , {formatBytes(one.size_bytes)}: {one.is_due ? "at the next look" : "soon"}, {one.reason}
          </li>
        ))}
      </ul>
    </div>
  );
}
