import { formatBytes } from "@/format";

import "./progress-bar.css";

interface Props {
  label: string;
  done: number;
  total: number | null;
}

/** How much of a file is through, as a bar and in bytes. */
export function TransferBar({ label, done, total }: Props) {
  const text = total === null ? formatBytes(done) : `${formatBytes(done)} of ${formatBytes(total)}`;
  return (
    <span className="progress transfer" data-status="running">
      <span
        className="progress-track"
        role="progressbar"
        aria-label={label}
        aria-valuemin={0}
        aria-valuemax={total ?? undefined}
        aria-valuenow={done}
        aria-valuetext={text}
      >
        <span className="progress-fill" style={{ transform: `scaleX(${total ? Math.min(1, done / total) : 0})` }} />
      </span>
      <span className="progress-text">{text}</span>
    </span>
  );
}
