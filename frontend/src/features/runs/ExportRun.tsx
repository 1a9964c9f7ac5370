import { useMutation } from "@tanstack/react-query";
import { useRef, useState } from "react";

import type { RunDetail } from "@/api/client";
import { download } from "@/api/transfers";
import type { Transfer } from "@/api/transfers";
import { Dialog } from "@/components/Dialog";
import { saveFile } from "@/components/save-file";
import { ErrorState } from "@/components/States";
import { TransferBar } from "@/components/TransferBar";

const QUIET_MS = 2000;

/** The run as one file; what takes over two seconds shows how far it is. */
export function ExportRun({ run }: { run: RunDetail }) {
  const [transfer, setTransfer] = useState<Transfer | null>(null);
  const [isShown, setIsShown] = useState(false);
  const abort = useRef<AbortController | null>(null);
  const save = useMutation({
    mutationFn: async () => {
      setTransfer(null);
      abort.current = new AbortController();
      const timer = setTimeout(() => setIsShown(true), QUIET_MS);
      try {
        const path = `/api/v1/runs/${run.id}/archive`;
        const { blob, name } = await download(path, { onProgress: setTransfer, signal: abort.current.signal });
        saveFile(blob, name);
      } finally {
        clearTimeout(timer);
      }
    },
    onSuccess: () => setIsShown(false),
    onError: () => setIsShown(abort.current?.signal.aborted === false),
  });
  const close = () => {
    abort.current?.abort();
    setIsShown(false);
    save.reset();
  };
  return (
    <>
      <button
        type="button"
        className="button"
        onClick={() => save.mutate()}
        disabled={save.isPending}
        title="One zip with metrics, responses, pictures, answers, steps and history, which any Maye opens; checkpoints stay here"
      >
        Export
      </button>
      <Dialog title="Export the run" isOpen={isShown} onClose={close}>
        {save.isError ? (
          <ErrorState what="The run could not be exported" error={save.error} onRetry={() => save.mutate()} />
        ) : transfer === null ? (
          <p role="status">The server puts the file together. Long runs with many responses take a while.</p>
        ) : (
          <TransferBar label="Downloading" {...transfer} />
        )}
        <div className="dialog-actions">
          <button type="button" className="button" onClick={close}>
            {save.isPending ? "Stop" : "Close"}
          </button>
        </div>
      </Dialog>
    </>
  );
}
