import { useState } from "react";

import { PRIORITY_HELP } from "./priority";
import { TextField } from "./TextField";

interface Props {
  priority: string;
  problem: string | null;
  onChange: (priority: string) => void;
}

/** When the run starts, folded until it is wanted or was refused. */
export function QueuePanel({ priority, problem, onChange }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details
      className="card group"
      open={isOpen || problem !== null}
      data-testid="group-queue"
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <b>Queue</b>
        <span className="soft group-help">Which of the waiting runs starts first</span>
        {priority.trim() === "0" ? null : <span className="tag group-changed">priority {priority}</span>}
      </summary>
      <div className="group-fields">
        <TextField label="Priority" path="priority" value={priority} problem={problem} help={PRIORITY_HELP} onChange={onChange} />
      </div>
    </details>
  );
}
