/** Refusals of the server, sorted to the fields that they are about. */
import type { FieldProblem } from "@/api/client";

import type { Field, Path } from "./form-schema";
import { pathId } from "./form-state";

export interface Problems {
  name: string | null;
  priority: string | null;
  /** Path of the field, joined by dots, to what is wrong. */
  fields: Map<string, string>;
  /** Problems of no field that the form shows. */
  rest: string[];
}

export const NO_PROBLEMS: Problems = { name: null, priority: null, fields: new Map(), rest: [] };

function known(fields: Field[], path: Path): boolean {
  const [key, ...rest] = path;
  const field = fields.find((entry) => entry.name === key);
  if (field === undefined) return false;
  if (rest.length === 0) return true;
  if (field.type === "group") return known(field.fields, rest);
  return field.type === "list" && known(field.item, rest.slice(1));
}

/** Problems by field; `["config","algorithm","clip_low"]` belongs to `algorithm.clip_low`. */
export function sortProblems(problems: FieldProblem[], fields: Field[]): Problems {
  const sorted: Problems = { name: null, priority: null, fields: new Map(), rest: [] };
  for (const { path, message } of problems) {
    const [first, ...below] = path[0] === "body" ? path.slice(1) : path;
    const inKind = below[0] === "rl" ? below.slice(1) : below;
    // What is wrong with one item of a list stands at the list.
    const inConfig = typeof inKind.at(-1) === "number" ? inKind.slice(0, -1) : inKind;
    if (first === "name" || first === "priority") sorted[first] = message;
    else if (first === "config" && known(fields, inConfig)) sorted.fields.set(pathId(inConfig), message);
    else sorted.rest.push(`${path.join(".")}: ${message}`);
  }
  return sorted;
}
