import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { client, unwrap } from "@/api/client";
import type { RunDetail } from "@/api/client";
import { keys } from "@/api/queries";
import { Dialog } from "@/components/Dialog";
import { ErrorState } from "@/components/States";

const REFUSED = "resume_refused";

/** Let a failed or cancelled run go on; where it was refused because something has changed, only on a second thought. */
export function ResumeRun({ run }: { run: RunDetail }) {
  const [isOpen, setIsOpen] = useState(false);
  const cache = useQueryClient();
  const hasChanged = run.error_code === REFUSED;
  const resume = useMutation({
    mutationFn: (force: boolean) =>
      unwrap(client.POST("/api/v1/runs/{run_id}/resume", { params: { path: { run_id: run.id } }, body: { force } })),
    onSuccess: () => {
      setIsOpen(false);
      void cache.invalidateQueries({ queryKey: keys.run(run.id) });
      void cache.invalidateQueries({ queryKey: keys.runs });
    },
  });
  const close = () => {
    setIsOpen(false);
    resume.reset();
  };
  return (
    <>
      <button type="button" className="button" onClick={() => setIsOpen(true)}>
        Resume run
      </button>
      <Dialog title="Resume this run?" isOpen={isOpen} onClose={close}>
        {hasChanged ? (
          <>
            <p>
              The run is no longer what it was when its newest checkpoint was made. If it goes on, its curve mixes both, and
              the run's history says so.
            </p>
            <pre className="resume-differences">{run.reason}</pre>
          </>
        ) : (
          <p>It goes on from its newest checkpoint, with the same configuration, as soon as a worker is free.</p>
        )}
        {resume.isError ? <ErrorState what="The run could not be resumed" error={resume.error} /> : null}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            Leave it
          </button>
          {hasChanged ? (
            <button type="button" className="button danger" onClick={() => resume.mutate(true)} disabled={resume.isPending}>
              Resume anyway
            </button>
          ) : null}
          <button type="button" className="button primary" onClick={() => resume.mutate(false)} disabled={resume.isPending}>
            {hasChanged ? "Try again" : "Resume the run"}
          </button>
        </div>
      </Dialog>
    </>
  );
}
