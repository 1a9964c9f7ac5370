import type { JsonObject, ListField, Path } from "./form-schema";
import { FieldInput } from "./FieldInput";
import { useForm } from "./form-state";

/** A list of small records, one row each. */
export function ListInput({ id, field, path }: { id: string; field: ListField; path: Path }) {
  const form = useForm();
  const value = form.valueAt(path);
  const rows = Array.isArray(value) ? value : [];
  const blank = (): JsonObject => Object.fromEntries(field.item.map((item) => [item.name, item.fallback ?? ""]));
  return (
    <div className="field-list" id={id} role="group" aria-label={field.label}>
      <table>
        <thead>
          <tr>
            {field.item.map((item) => (
              <th key={item.name} scope="col" title={item.help}>
                {item.label}
              </th>
            ))}
            <th>
              <span className="visually-hidden">Remove</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((_, index) => (
            <tr key={index}>
              {field.item.map((item) => {
                const at = [...path, index, item.name];
                const problem = form.problemAt(at);
                const cell = `${id}-${index}-${item.name}`;
                return item.type === "list" ? null : (
                  <td key={item.name} data-path={at.join(".")} data-invalid={problem !== null}>
                    <label className="visually-hidden" htmlFor={cell}>
                      {field.label} {index + 1}, {item.label}
                    </label>
                    <FieldInput id={cell} field={item} path={at} isInvalid={problem !== null} describedBy={`${cell}-problem`} />
                    <p id={`${cell}-problem`} className="field-problem small">
                      {problem}
                    </p>
                  </td>
                );
              })}
              <td>
                <button
                  type="button"
                  className="button quiet small"
                  aria-label={`Remove ${field.label} ${index + 1}`}
                  disabled={rows.length <= field.minItems}
                  onClick={() => form.set(path, rows.filter((__, other) => other !== index))}
                >
                  Remove
                </button>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <button type="button" className="button small" disabled={rows.length >= field.maxItems} onClick={() => form.set(path, [...rows, blank()])}>
        Add
      </button>
    </div>
  );
}
