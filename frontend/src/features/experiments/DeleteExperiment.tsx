import { useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import { hasEnded } from "@/api/experiment-queries";
import type { ExperimentDetail } from "@/api/experiment-queries";
import { keys } from "@/api/queries";
import { ConfirmButton } from "@/components/ConfirmButton";
import { formatPlural } from "@/format";

/** Forget an experiment; its runs stay, unless they are to go with it. */
export function DeleteExperiment({ experiment }: { experiment: ExperimentDetail }) {
  const cache = useQueryClient();
  const navigate = useNavigate();
  const [isWithRuns, setIsWithRuns] = useState(false);
  const canTakeRuns = hasEnded(experiment);
  const withRuns = isWithRuns && canTakeRuns;
  const remove = async () => {
    const params = { path: { experiment_id: experiment.id }, query: { with_runs: withRuns } };
    await unwrap(client.DELETE("/api/v1/experiments/{experiment_id}", { params }));
    await navigate({ to: "/experiments" });
    cache.removeQueries({ queryKey: keys.experiment(experiment.id) });
    cache.removeQueries({ queryKey: keys.report(experiment.id) });
    for (const queryKey of [keys.experiments, keys.runs]) void cache.invalidateQueries({ queryKey });
  };
  const runs = formatPlural(experiment.num_runs, "run");
  return (
    <ConfirmButton
      isDangerous
      label="Delete"
      title="Delete this experiment?"
      confirm={withRuns ? "Delete it with its runs" : "Delete the experiment"}
      keep="Keep it"
      failed="The experiment could not be deleted"
      onConfirm={remove}
    >
      <p>
        <b>{experiment.name}</b>: its grid and its report go.{" "}
        {withRuns
          ? "Its runs go too, with their metrics, responses, answers and checkpoints, save those that another experiment has. Nothing of it can be brought back."
          : `Its ${runs} stay in the list of runs.`}
      </p>
      <label className="with-runs">
        <input type="checkbox" checked={withRuns} disabled={!canTakeRuns} onChange={(event) => setIsWithRuns(event.target.checked)} />{" "}
        Delete its {runs} too
      </label>
      {canTakeRuns ? null : <p className="soft">Runs can go with it when all of them have ended.</p>}
    </ConfirmButton>
  );
}
