import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";

import { client, unwrap } from "@/api/client";
import type { ExperimentCell } from "@/api/experiment-queries";
import { keys } from "@/api/queries";
import { AlarmTag } from "@/components/Alarms";
import { ProgressBar } from "@/components/ProgressBar";
import { StatusBadge } from "@/components/StatusBadge";
import { capitalize } from "@/format";

const ACTIVE = ["queued", "starting", "running"];
const RESUMABLE = ["failed", "cancelled"];
const ENDED = [...RESUMABLE, "succeeded"];

type Action = "resume" | "rerun" | "cancel";

/** One run of the grid: where it stands, and what can be done about it. */
export function RunCell({ cell: { run, seed }, experimentId }: { cell: ExperimentCell; experimentId: string }) {
  const cache = useQueryClient();
  const act = useMutation({
    mutationFn: (action: Action): Promise<unknown> => {
      const path = { run_id: run.id };
      if (action === "cancel") return unwrap(client.POST("/api/v1/runs/{run_id}/cancel", { params: { path } }));
      if (action === "resume") return unwrap(client.POST("/api/v1/runs/{run_id}/resume", { params: { path }, body: { force: false } }));
      const both = { ...path, experiment_id: experimentId };
      return unwrap(client.POST("/api/v1/experiments/{experiment_id}/runs/{run_id}/rerun", { params: { path: both } }));
    },
    onSuccess: () => void cache.invalidateQueries({ queryKey: keys.experiment(experimentId) }),
  });
  const button = (action: Action, label: string) => (
    <button type="button" className="button small" onClick={() => act.mutate(action)} disabled={act.isPending}>
      {label}
    </button>
  );
  const note = noteOf(run);
  return (
    <div className="run-cell" data-testid="run-cell" data-status={run.status}>
      <div className="row">
        <Link to="/runs/$runId" params={{ runId: run.id }} className="run-cell-link" title={run.name}>
          <StatusBadge status={run.status} />
          <span className="visually-hidden">{seed === null ? "" : `, seed ${seed}`}, open the run</span>
        </Link>
        {seed === null ? <span className="soft small">one run for all seeds</span> : null}
        <AlarmTag alarms={run.alarms} />
      </div>
      <ProgressBar step={run.rl_step} total={run.total_rl_steps} status={run.status} />
      {note === null ? null : (
        <p className={run.status === "failed" ? "small run-cell-note experiments-failed" : "small run-cell-note soft"} title={note}>
          {capitalize(note)}
        </p>
      )}
      <div className="row">
        {RESUMABLE.includes(run.status) ? button("resume", "Resume") : null}
        {ENDED.includes(run.status) ? button("rerun", "Re-run") : null}
        {ACTIVE.includes(run.status) ? button("cancel", "Cancel") : null}
      </div>
      {act.isError ? (
        <p className="small experiments-failed" role="alert">
          {act.error.message}
        </p>
      ) : null}
    </div>
  );
}

/** What it waits for, does now, or why it failed. */
function noteOf(run: ExperimentCell["run"]): string | null {
  if (run.status === "queued") return run.waits_for;
  if (run.status === "failed") return run.reason ?? run.error_code;
  return run.phase === "" || run.status === "succeeded" || run.status === "cancelled" ? null : run.phase;
}
