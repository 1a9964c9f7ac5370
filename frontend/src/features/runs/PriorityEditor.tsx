import { useId, useState } from "react";

import type { RunDetail } from "@/api/client";

import { useChangeRun } from "./use-change-run";

const MAX_PRIORITY = 100;

/** The priority of a queued run, with a button that lets it be typed. */
export function PriorityEditor({ run }: { run: RunDetail }) {
  const [typed, setTyped] = useState<string | null>(null);
  const id = useId();
  const change = useChangeRun(run.id, () => setTyped(null));
  if (typed === null) {
    return (
      <>
        <span data-testid="priority">{run.priority}</span>{" "}
        <button type="button" className="button quiet small" onClick={() => setTyped(String(run.priority))} aria-label="Change the priority">
          Change
        </button>
      </>
    );
  }
  const stop = () => {
    setTyped(null);
    change.reset();
  };
  const isWhole = /^[-\u2212]?\d+$/.test(typed.trim());
  return (
    <form
      className="row"
      onSubmit={(event) => {
        event.preventDefault();
        if (isWhole) change.mutate({ priority: Number(typed.trim().replace("\u2212", "-")) });
      }}
    >
      <input
        type="text"
        inputMode="numeric"
        className="priority-input"
        aria-label="Priority"
        aria-invalid={!isWhole || change.isError}
        aria-describedby={`${id}-help`}
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
      <button type="submit" className="button small" disabled={change.isPending || !isWhole}>
        Save
      </button>
      <button type="button" className="button quiet small" onClick={stop}>
        Cancel
      </button>
      <span id={`${id}-help`} className="small priority-help" role={change.isError ? "alert" : undefined}>
        {change.isError ? change.error.message : `A higher one starts first: \u2212${MAX_PRIORITY} to ${MAX_PRIORITY}.`}
      </span>
    </form>
  );
}
