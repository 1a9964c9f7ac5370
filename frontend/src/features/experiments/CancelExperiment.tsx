import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import type { ExperimentDetail } from "@/api/experiment-queries";
import { keys } from "@/api/queries";
import { Dialog } from "@/components/Dialog";
import { ErrorState } from "@/components/States";
import { formatPlural } from "@/format";

import { countOf } from "./experiment-state";

/** Cancel what has not ended, with a question first. */
export function CancelExperiment({ experiment }: { experiment: ExperimentDetail }) {
  const [isOpen, setIsOpen] = useState(false);
  const cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: () =>
      unwrap(
        client.POST("/api/v1/experiments/{experiment_id}/cancel", { params: { path: { experiment_id: experiment.id } } }),
      ),
    onSuccess: () => {
      setIsOpen(false);
      void cache.invalidateQueries({ queryKey: keys.experiment(experiment.id) });
    },
  });
  const close = () => {
    setIsOpen(false);
    cancel.reset();
  };
  const counts = experiment.runs_by_status;
  const numRunning = countOf(counts, "running") + countOf(counts, "starting");
  return (
    <>
      <button type="button" className="button danger" onClick={() => setIsOpen(true)}>
        Cancel experiment
      </button>
      <Dialog title="Cancel this experiment?" isOpen={isOpen} onClose={close}>
        <p>
          {formatPlural(countOf(counts, "queued"), "run")} in the queue will not start, {formatPlural(numRunning, "run")} under way will
          stop after the present step. What has been measured stays, and each run can be resumed.
        </p>
        {cancel.isError ? <ErrorState what="The experiment could not be cancelled" error={cancel.error} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Keep going
          </button>
          <button type="button" className="button danger" onClick={() => cancel.mutate()} disabled={cancel.isPending}>
            Cancel the experiment
          </button>
        </div>
      </Dialog>
    </>
  );
}
