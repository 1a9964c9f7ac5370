import type { Worker } from "@/api/worker-queries";

const SHAPES: Record<Worker["state"], React.ReactNode> = {
  ready: <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  busy: <path d="M3 1.6 L10.4 6 L3 10.4 Z" fill="currentColor" />,
  draining: <path d="M6 1.75 A4.25 4.25 0 0 0 6 10.25 Z M6 1.75 A4.25 4.25 0 0 1 6 10.25" fill="currentColor" stroke="currentColor" />,
  drained: <path d="M3.6 2.2 V9.8 M8.4 2.2 V9.8" fill="none" stroke="currentColor" strokeWidth="2.2" />,
  absent: <path d="M2.2 2.2 L9.8 9.8 M9.8 2.2 L2.2 9.8" fill="none" stroke="currentColor" strokeWidth="1.9" />,
};

const MEANINGS: Record<Worker["state"], string> = {
  ready: "It is there and carries nothing",
  busy: "It carries runs, and takes more where they fit",
  draining: "It finishes what it has and takes nothing new",
  drained: "It carries nothing and takes nothing new",
  absent: "It is silent; runs that it has started may go on",
};

/** How a worker is, as a word with its colour and shape. */
export function WorkerStateBadge({ state }: { state: Worker["state"] }) {
  return (
    <span className="status worker-state" data-state={state} data-testid="worker-state" title={MEANINGS[state]}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {SHAPES[state]}
      </svg>
      {state}
    </span>
  );
}
