import type { ChoiceField, Field, Path } from "./form-schema";
import { numberText, valuesText } from "./form-value";
import { useForm } from "./form-state";

interface Props {
  id: string;
  field: Exclude<Field, { type: "list" }>;
  path: Path;
  describedBy?: string;
  isInvalid?: boolean;
}

/** The control of a scalar field. */
export function FieldInput({ id, field, path, describedBy, isInvalid }: Props) {
  const form = useForm();
  const value = form.valueAt(path);
  const common = { id, "aria-describedby": describedBy, "aria-invalid": isInvalid };
  switch (field.type) {
    case "boolean":
      return <input {...common} type="checkbox" checked={value === true} onChange={(event) => form.set(path, event.target.checked)} />;
    case "choice":
      return <Choice {...common} field={field} path={path} />;
    case "number":
      return (
        <input
          {...common}
          type="text"
          inputMode={field.isInteger ? "numeric" : "decimal"}
          className="field-number"
          autoComplete="off"
          placeholder={field.isNullable ? "none" : ""}
          value={numberText(value)}
          onChange={(event) => form.set(path, event.target.value)}
        />
      );
    case "text": {
      const text = typeof value === "string" ? value : "";
      const options = form.optionsAt(path);
      if (options !== null) return <Options {...common} path={path} options={options} value={text} />;
      if (field.isLong) {
        return <textarea {...common} rows={4} className="field-text" value={text} onChange={(event) => form.set(path, event.target.value)} />;
      }
      return <input {...common} type="text" className="field-text" value={text} onChange={(event) => form.set(path, event.target.value)} />;
    }
    case "values":
      return (
        <input
          {...common}
          type="text"
          className="field-text"
          autoComplete="off"
          placeholder="none"
          value={valuesText(value)}
          onChange={(event) => form.set(path, event.target.value)}
        />
      );
    case "group":
      return null;
  }
}

interface ControlProps {
  id: string;
  path: Path;
  "aria-describedby": string | undefined;
  "aria-invalid": boolean | undefined;
}

function Choice({ field, path, ...common }: ControlProps & { field: ChoiceField }) {
  const form = useForm();
  const options = field.options.map(numberText);
  return (
    <select
      {...common}
      value={numberText(form.valueAt(path))}
      onChange={(event) => form.set(path, field.options[options.indexOf(event.target.value)] ?? null)}
    >
      {options.map((option) => (
        <option key={option}>{option}</option>
      ))}
    </select>
  );
}

/** A name out of those that the platform knows; a preset's own that is absent is shown as such. */
function Options({ path, options, value, ...common }: ControlProps & { options: { value: string; label: string }[]; value: string }) {
  const form = useForm();
  const isKnown = options.some((option) => option.value === value);
  return (
    <select {...common} className="field-select" value={value} onChange={(event) => form.set(path, event.target.value)}>
      {isKnown ? null : <option value={value}>{value === "" ? "Choose one" : `${value} (not imported)`}</option>}
      {options.map((option) => (
        <option key={option.value} value={option.value}>
          {option.label}
        </option>
      ))}
    </select>
  );
}
