import "./status-badge.css";

export type Status = "queued" | "starting" | "running" | "cancelling" | "succeeded" | "failed" | "cancelled";

const SHAPES: Record<Status, React.ReactNode> = {
  queued: <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" />,
  starting: (
    <circle cx="6" cy="6" r="4.25" fill="none" stroke="currentColor" strokeWidth="1.5" strokeDasharray="3.4 3.3" />
  ),
  running: <path d="M3 1.6 L10.4 6 L3 10.4 Z" fill="currentColor" />,
  cancelling: <path d="M6 1.75 A4.25 4.25 0 0 0 6 10.25 Z M6 1.75 A4.25 4.25 0 0 1 6 10.25" fill="currentColor" stroke="currentColor" />,
  succeeded: <path d="M1.8 6.4 L4.8 9.3 L10.4 2.9" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  failed: <path d="M2.2 2.2 L9.8 9.8 M9.8 2.2 L2.2 9.8" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  cancelled: <rect x="2.2" y="2.2" width="7.6" height="7.6" rx="1" fill="currentColor" />,
};

/** A state as a word with its colour and shape. */
export function StatusBadge({ status }: { status: Status }) {
  return (
    <span className="status" data-status={status} data-testid="status">
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {SHAPES[status]}
      </svg>
      {status}
    </span>
  );
}
