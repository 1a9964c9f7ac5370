import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";

import { client, unwrap } from "@/api/client";
import type { RunDetail } from "@/api/client";
import { checkpointsQuery } from "@/api/evaluation-queries";
import { dropFromCache } from "@/api/live-cache";
import { ConfirmButton } from "@/components/ConfirmButton";
import { formatBytes, formatPlural } from "@/format";

/** Delete a run that has ended, after saying what goes with it. */
export function DeleteRun({ run }: { run: RunDetail }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const remove = async () => {
    await unwrap(client.DELETE("/api/v1/runs/{run_id}", { params: { path: { run_id: run.id } } }));
    await navigate({ to: "/runs" });
    dropFromCache(cache, run.id);
  };
  return (
    <ConfirmButton
      isDangerous
      label="Delete"
      title="Delete this run?"
      confirm="Delete the run"
      keep="Keep it"
      failed="The run could not be deleted"
      onConfirm={remove}
    >
      <p>
        <b>{run.name}</b> goes with everything that belongs to it, and cannot be brought back:
      </p>
      <Lost run={run} />
      {run.origin === null ? <p className="soft">Export keeps all but the checkpoints in a file that opens again.</p> : null}
    </ConfirmButton>
  );
}

function Lost({ run }: { run: RunDetail }) {
  const { data: all = [] } = useQuery(checkpointsQuery(run.id, false));
  const checkpoints = all.filter(({ is_kept }) => is_kept);
  const size = checkpoints.reduce((sum, { size_bytes }) => sum + size_bytes, 0);
  return (
    <ul className="goes-too">
      <li>metrics of {formatPlural(run.rl_step, "step")}, responses and traced steps</li>
      <li>evaluations with every answer, log and history</li>
      {run.origin !== null ? <li>the problems and pictures that came with its archive</li> : null}
      {checkpoints.length === 0 ? null : (
        <li>
          {formatPlural(checkpoints.length, "checkpoint")}, {formatBytes(size)}
        </li>
      )}
    </ul>
  );
}
