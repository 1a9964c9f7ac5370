import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState } from "react";

import type { ApiError, RunDetail } from "@/api/client";
import { keys } from "@/api/queries";
import { upload } from "@/api/transfers";
import type { Transfer } from "@/api/transfers";
import { Dialog } from "@/components/Dialog";
import { FileDrop } from "@/components/FileDrop";
import { TransferBar } from "@/components/TransferBar";

interface Opening {
  key: number;
  name: string;
  transfer: Transfer;
  run: RunDetail | null;
  error: ApiError | null;
}

/** Open files that were exported from a run, here or elsewhere, to read them. */
export function OpenArchive() {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <>
      <button type="button" className="button" onClick={() => setIsOpen(true)}>
        Open an archive
      </button>
      <Dialog title="Open an archive" isOpen={isOpen} onClose={() => setIsOpen(false)}>
        <Openings onClose={() => setIsOpen(false)} />
      </Dialog>
    </>
  );
}

function Openings({ onClose }: { onClose: () => void }) {
  const cache = useQueryClient();
  const [openings, setOpenings] = useState<Opening[]>([]);
  const abort = useRef<AbortController | null>(null);
  const [isBusy, setIsBusy] = useState(false);
  const change = (key: number, part: Partial<Opening>) =>
    setOpenings((old) => old.map((entry) => (entry.key === key ? { ...entry, ...part } : entry)));
  const send = async (files: File[]) => {
    const first = openings.length;
    const news = files.map((file, index) => ({
      key: first + index,
      name: file.name,
      transfer: { done: 0, total: file.size },
      run: null,
      error: null,
    }));
    setOpenings((old) => [...old, ...news]);
    setIsBusy(true);
    const { signal } = (abort.current = new AbortController());
    // One after the other: a server reads one large file at a time with less trouble than five.
    for (const [index, file] of files.entries()) {
      const key = first + index;
      try {
        const onProgress = (transfer: Transfer) => change(key, { transfer });
        change(key, { run: await upload<RunDetail>("/api/v1/archives", file, { contentType: "application/zip", onProgress, signal }) });
        void cache.invalidateQueries({ queryKey: keys.runs });
      } catch (error) {
        change(key, { error: error as ApiError });
      }
      if (signal.aborted) break;
    }
    setIsBusy(false);
  };
  const close = () => {
    abort.current?.abort();
    onClose();
  };
  return (
    <>
      <p className="soft">
        A zip that <b>Export</b> on a run&apos;s page or <code>maye export</code> has made. It opens as a run that can be read:
        charts, responses, steps, answers, log.
      </p>
      <FileDrop label="Choose files" accept=".zip,application/zip" isMultiple isDisabled={isBusy} onFiles={(files) => void send(files)} />
      <ul className="openings" aria-live="polite">
        {openings.map((opening) => (
          <li key={opening.key} data-testid="opening">
            <OpeningLine opening={opening} />
          </li>
        ))}
      </ul>
      <div className="dialog-actions">
        <button type="button" className="button" onClick={close}>
          {isBusy ? "Stop" : "Close"}
        </button>
      </div>
    </>
  );
}

function OpeningLine({ opening: { name, transfer, run, error } }: { opening: Opening }) {
  if (run !== null) {
    return (
      <>
        <span className="opening-done">
          Opened
        </span>{" "}
        <Link to="/runs/$runId" params={{ runId: run.id }}>
          {run.name}
        </Link>
      </>
    );
  }
  if (error !== null) {
    return (
      <span role="alert">
        <span className="opening-failed">
          Not opened
        </span>{" "}
        {name}: {error.message} <code>{error.code}</code>
      </span>
    );
  }
  return (
    <>
      {name}
      {transfer.done === transfer.total ? (
        <span className="soft">: the server checks it</span>
      ) : (
        <TransferBar label={`Sending ${name}`} {...transfer} />
      )}
    </>
  );
}
