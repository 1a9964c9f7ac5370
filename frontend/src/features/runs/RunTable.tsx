import { Link } from "@tanstack/react-router";
import { useRef } from "react";

import type { Run } from "@/api/client";
import { Age } from "@/components/Age";
import { AlarmTag } from "@/components/Alarms";
import { ProgressBar } from "@/components/ProgressBar";
import { StatusBadge } from "@/components/StatusBadge";
import { useShortcuts } from "@/components/use-shortcuts";
import { capitalize, formatShare } from "@/format";

export function RunTable({ runs }: { runs: Run[] }) {
  const table = useRef<HTMLTableElement>(null);
  const move = (by: number) => {
    const links = [...(table.current?.querySelectorAll<HTMLElement>(".runs-name a") ?? [])];
    const at = links.findIndex((link) => link === document.activeElement);
    const next = at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by));
    links[next]?.focus();
  };
  useShortcuts({ j: () => move(1), k: () => move(-1) });
  return (
    <div className="card runs-card">
      <table ref={table} className="runs" data-testid="runs-table">
        <thead>
          <tr>
            <th scope="col">Name</th>
            <th scope="col">State</th>
            <th scope="col">Progress</th>
            <th scope="col" className="number" title="Share of the newest step's responses that were right">
              Accuracy
            </th>
            <th scope="col">Model</th>
            <th scope="col">Data set</th>
            <th scope="col" className="number">
              Seed
            </th>
            <th scope="col" className="number">
              Created
            </th>
          </tr>
        </thead>
        <tbody>
          {runs.map((run) => (
            <RunRow key={run.id} run={run} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function RunRow({ run }: { run: Run }) {
  const note = capitalize(noteOf(run) ?? "");
  return (
    <tr data-testid="run-row" data-run-id={run.id}>
      <td className="runs-name">
        <Link to="/runs/$runId" params={{ runId: run.id }} title={run.name}>
          {run.name}
        </Link>
        {note === "" ? null : (
          <span className={`runs-note small ${run.status === "failed" ? "runs-failure" : "soft"}`} title={note}>
            {note}
          </span>
        )}
      </td>
      <td>
        <StatusBadge status={run.status} /> <AlarmTag alarms={run.alarms} />
        {run.origin === null ? null : (
          <span className="tag" title={`Opened from an archive of ${run.origin.platform}`}>
            read-only
          </span>
        )}
        {run.status === "queued" && run.priority !== 0 ? <span className="tag">priority {run.priority}</span> : null}
      </td>
      <td className="runs-progress">
        <ProgressBar step={run.rl_step} total={run.total_rl_steps} status={run.status} />
      </td>
      <td className="number" data-label="Accuracy">
        {run.training_accuracy === null ? <span className="soft">{"\u2013"}</span> : formatShare(run.training_accuracy)}
      </td>
      <td className="mono" data-label="Model">
        {run.model}
      </td>
      <td className="mono" data-label="Data set">
        {run.origin?.dataset ?? run.dataset}
      </td>
      <td className="number" data-label="Seed">
        {run.seed}
      </td>
      <td className="number soft runs-age">
        <Age at={run.created_at} />
      </td>
    </tr>
  );
}

/** One line under the name: what it waits for, why it failed, or what it does now. */
function noteOf(run: Run): string | null {
  if (run.status === "queued") return run.waits_for ?? "Waits for a worker";
  if (run.status === "failed") return run.reason ?? run.error_code;
  if (run.status === "running" || run.status === "starting") return run.phase || null;
  return null;
}
