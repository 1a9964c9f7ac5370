import { formatCount } from "@/format";

import type { Status } from "./StatusBadge";
import "./progress-bar.css";

interface Props {
  /** What is counted. */
  label?: string;
  step: number;
  total: number | null;
  status: Status;
}

/** What is finished of all, as a bar and in numbers; RL steps unless a label says otherwise. */
export function ProgressBar({ label = "RL steps finished", step, total, status }: Props) {
  const isCounted = total !== null && total > 0;
  const share = isCounted ? Math.min(1, step / total) : Number(status === "succeeded");
  const text = !isCounted ? "\u2013" : `${formatCount(step)} / ${formatCount(total)}`;
  return (
    <span className="progress" data-status={status}>
      <span
        className="progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total ?? 0}
        aria-valuenow={step}
        aria-valuetext={text}
      >
        <span className="progress-fill" style={{ transform: `scaleX(${share})` }} />
      </span>
      <span className="progress-text" data-testid="progress">
        {text}
      </span>
    </span>
  );
}
