import { useId } from "react";

import "./labelled-field.css";

interface TextProps {
  label: string;
  value: string;
  help?: React.ReactNode;
  placeholder?: string;
  isRequired?: boolean;
  onChange: (value: string) => void;
}

/** A line of text with its label and help. */
export function LabelledText({ label, value, help, placeholder, isRequired = false, onChange }: TextProps) {
  const id = useId();
  return (
    <div className="labelled">
      <label htmlFor={id}>{label}</label>
      <input
        id={id}
        type="text"
        autoComplete="off"
        spellCheck={false}
        value={value}
        placeholder={placeholder}
        required={isRequired}
        aria-describedby={`${id}-help`}
        onChange={(event) => onChange(event.target.value)}
      />
      <span id={`${id}-help`} className="soft small">
        {help}
      </span>
    </div>
  );
}

interface ChoiceProps<Value extends string> {
  label: string;
  value: Value;
  options: readonly { value: Value; label: string }[];
  help?: React.ReactNode;
  onChange: (value: Value) => void;
}

/** A choice of a few with its label and help. */
export function LabelledChoice<Value extends string>({ label, value, options, help, onChange }: ChoiceProps<Value>) {
  const id = useId();
  return (
    <div className="labelled">
      <label htmlFor={id}>{label}</label>
      <select
        id={id}
        value={value}
        aria-describedby={`${id}-help`}
        onChange={(event) => {
          const chosen = options.find((option) => option.value === event.target.value);
          if (chosen) onChange(chosen.value);
        }}
      >
        {options.map((option) => (
          <option key={option.value} value={option.value}>
            {option.label}
          </option>
        ))}
      </select>
      <span id={`${id}-help`} className="soft small">
        {help}
      </span>
    </div>
  );
}
