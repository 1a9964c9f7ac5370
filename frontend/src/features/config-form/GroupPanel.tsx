import { useState } from "react";

import type { Field, GroupField, Path } from "./form-schema";
import { FieldRow } from "./FieldRow";
import type { FormState } from "./form-state";
import { useForm } from "./form-state";
import { defaultsOf, isObject } from "./form-value";

/** A named part of the configuration, folded until it is wanted or a field of it was refused. */
export function GroupPanel({ group }: { group: GroupField }) {
  const form = useForm();
  const [isOpen, setIsOpen] = useState(false);
  const own = form.problemAt([group.name]);
  const hasProblem = own !== null || hasProblemBelow(form, group.fields, [group.name]);
  // Opened by a refusal, and from then on as the reader wishes.
  const [hadProblem, setHadProblem] = useState(hasProblem);
  if (hasProblem !== hadProblem) {
    setHadProblem(hasProblem);
    if (hasProblem) setIsOpen(true);
  }
  const isLeftOut = group.isNullable && !isObject(form.valueAt([group.name]));
  const numChanged = [[group.name], ...group.fields.map((field) => [group.name, field.name])].filter(form.isChanged).length;
  return (
    <details
      className="card group"
      open={isOpen}
      data-testid={`group-${group.name}`}
      data-invalid={own !== null}
      onToggle={(event) => setIsOpen(event.currentTarget.open)}
    >
      <summary>
        <b>{group.label}</b>
        <span className="soft group-help">{group.help}</span>
        {numChanged === 0 ? null : <span className="tag group-changed">{numChanged} changed</span>}
      </summary>
      {own === null ? null : (
        <p className="field-problem group-problem" role="alert">
          {own}
        </p>
      )}
      {group.isNullable ? (
        <label className="group-use">
          <input
            type="checkbox"
            checked={!isLeftOut}
            onChange={(event) => form.set([group.name], event.target.checked ? defaultsOf(group.fields) : null)}
          />{" "}
          Use {group.label}
        </label>
      ) : null}
      {isLeftOut ? null : (
        <div className="group-fields">
          {group.fields.map((field) => (
            <FieldRow key={field.name} field={field} path={[group.name, field.name]} />
          ))}
        </div>
      )}
    </details>
  );
}

function hasProblemBelow(form: FormState, fields: Field[], path: Path): boolean {
  return fields.some((field) => {
    const at = [...path, field.name];
    if (form.problemAt(at) !== null) return true;
    if (field.type === "group") return hasProblemBelow(form, field.fields, at);
    const rows = form.valueAt(at);
    return field.type === "list" && Array.isArray(rows) && rows.some((_, row) => hasProblemBelow(form, field.item, [...at, row]));
  });
}
