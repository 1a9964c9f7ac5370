import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import type { RunDetail } from "@/api/client";
import { keys } from "@/api/queries";
import { Dialog } from "@/components/Dialog";
import { ErrorState } from "@/components/States";
import { formatCount } from "@/format";

/** Cancel with a question first: what ends, and what stays. */
export function CancelRun({ run }: { run: RunDetail }) {
  const [isOpen, setIsOpen] = useState(false);
  const cache = useQueryClient();
  const cancel = useMutation({
    mutationFn: () =>
      unwrap(client.POST("/api/v1/runs/{run_id}/cancel", { params: { path: { run_id: run.id } } })),
    onSuccess: () => {
      setIsOpen(false);
      void cache.invalidateQueries({ queryKey: keys.run(run.id) });
      void cache.invalidateQueries({ queryKey: keys.runs });
    },
  });
  const close = () => {
    setIsOpen(false);
    cancel.reset();
  };
  return (
    <>
      <button type="button" className="button danger" onClick={() => setIsOpen(true)}>
        Cancel run
      </button>
      <Dialog title="Cancel this run?" isOpen={isOpen} onClose={close}>
        <p>
          {run.status === "queued"
            ? "It leaves the queue. It can be resumed later."
            : `Training stops after RL step ${formatCount(run.rl_step)}. Charts, responses, log and finished checkpoints stay; the run can be resumed from its newest checkpoint.`}
        </p>
        {cancel.isError ? <ErrorState what="The run could not be cancelled" error={cancel.error} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Keep running
          </button>
          <button type="button" className="button danger" onClick={() => cancel.mutate()} disabled={cancel.isPending}>
            Cancel the run
          </button>
        </div>
      </Dialog>
    </>
  );
}
