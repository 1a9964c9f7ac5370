import { useState } from "react";

import type { RunDetail } from "@/api/client";

import { useChangeRun } from "./use-change-run";

const MAX_LENGTH = 200;

/** The run's name as the page's title, which can be changed. */
export function RunName({ run }: { run: RunDetail }) {
  const [typed, setTyped] = useState<string | null>(null);
  const change = useChangeRun(run.id, () => setTyped(null));
  if (typed === null) {
    return (
      <>
        <h1 className="run-name">{run.name}</h1>
        <button type="button" className="button quiet small rename" onClick={() => setTyped(run.name)} aria-label="Rename the run" title="Rename">
          <svg viewBox="0 0 16 16" width="14" height="14" aria-hidden="true">
            <path d="M2.5 13.5 L3.2 10.6 L10.9 2.9 L13.1 5.1 L5.4 12.8 Z M9.4 4.4 L11.6 6.6" fill="none" stroke="currentColor" strokeWidth="1.3" strokeLinejoin="round" />
          </svg>
        </button>
      </>
    );
  }
  const stop = () => {
    setTyped(null);
    change.reset();
  };
  const name = typed.trim();
  return (
    <form
      className="row rename-form"
      onSubmit={(event) => {
        event.preventDefault();
        if (name === run.name) stop();
        else if (name !== "") change.mutate({ name });
      }}
    >
      <input
        type="text"
        aria-label="Name of the run"
        aria-invalid={name === "" || change.isError}
        maxLength={MAX_LENGTH}
        value={typed}
        // It was asked for by the button in its place.
        // eslint-disable-next-line jsx-a11y/no-autofocus
        autoFocus
        onFocus={(event) => event.currentTarget.select()}
        onChange={(event) => setTyped(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") stop();
        }}
      />
      <button type="submit" className="button" disabled={change.isPending || name === ""}>
        Save
      </button>
      <button type="button" className="button quiet" onClick={stop}>
        Cancel
      </button>
      {change.isError ? (
        <span className="small rename-problem" role="alert">
          {change.error.message}
        </span>
      ) : null}
    </form>
  );
}
