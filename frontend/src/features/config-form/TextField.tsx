import { useId } from "react";

interface Props {
  label: string;
  path: string;
  value: string;
  problem: string | null;
  help?: string;
  isWide?: boolean;
  onChange: (value: string) => void;
}

/** A line of text with its label, help and problem. */
export function TextField({ label, path, value, problem, help, isWide = false, onChange }: Props) {
  const id = useId();
  return (
    <div className={isWide ? "field launch-name" : "field"} data-path={path} data-invalid={problem !== null}>
      <div className="field-label">
        <label htmlFor={id}>{label}</label>
      </div>
      <div className="field-input">
        <input
          id={id}
          type="text"
          className="field-text"
          autoComplete="off"
          maxLength={200}
          value={value}
          aria-invalid={problem !== null}
          aria-describedby={`${id}-help ${id}-problem`}
          onChange={(event) => onChange(event.target.value)}
        />
      </div>
      <p id={`${id}-help`} className="soft small field-help">
        {help}
      </p>
      <p id={`${id}-problem`} className="field-problem small" role={problem === null ? undefined : "alert"}>
        {problem}
      </p>
    </div>
  );
}
