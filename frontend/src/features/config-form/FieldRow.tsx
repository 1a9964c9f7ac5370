import { useId } from "react";

import type { Field, Json, Path } from "./form-schema";
import { numberText } from "./form-value";
import { FieldInput } from "./FieldInput";
import { ListInput } from "./ListInput";
import { pathId, useForm } from "./form-state";

/** Label, input, unit, help, range and problem of one field. */
export function FieldRow({ field, path }: { field: Field; path: Path }) {
  const form = useForm();
  const id = useId();
  const problem = form.problemAt(path);
  const isChanged = form.isChanged(path);
  const describedBy = `${id}-help ${id}-problem`;
  return (
    <div className="field" data-path={pathId(path)} data-changed={isChanged} data-invalid={problem !== null}>
      <div className="field-label">
        <label htmlFor={id}>{field.label}</label>
        {isChanged ? (
          <button
            type="button"
            className="field-reset small"
            onClick={() => form.reset(path)}
            title="Set it back to the preset's value"
          >
            preset: {shortText(form.baseAt(path))}
          </button>
        ) : null}
      </div>
      {field.type === "list" ? (
        <ListInput id={id} field={field} path={path} />
      ) : (
        <div className="field-input">
          <FieldInput id={id} field={field} path={path} describedBy={describedBy} isInvalid={problem !== null} />
          {field.unit === "" ? null : <span className="soft small">{field.unit}</span>}
          {field.type === "number" && field.range !== "" ? <span className="soft small field-range">{field.range}</span> : null}
        </div>
      )}
      <p id={`${id}-help`} className="soft small field-help">
        {field.help}
      </p>
      <p id={`${id}-problem`} className="field-problem small" role={problem === null ? undefined : "alert"}>
        {problem}
      </p>
    </div>
  );
}

function shortText(value: Json | undefined): string {
  if (value === null || value === undefined) return "empty";
  if (typeof value === "number") return numberText(value);
  const text = typeof value === "string" ? value.trim() : JSON.stringify(value);
  return text.length > 24 ? `${text.slice(0, 24)}\u2026` : text;
}
