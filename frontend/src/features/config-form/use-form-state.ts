import { useMemo } from "react";

import type { Field, JsonObject } from "./form-schema";
import { pathId } from "./form-state";
import type { FormState } from "./form-state";
import { changedPaths, getAt, setAt } from "./form-value";
import type { Problems } from "./problems";

interface Parts {
  fields: Field[];
  base: JsonObject;
  config: JsonObject;
  setConfig: (change: (old: JsonObject) => JsonObject) => void;
  problems: Problems;
  options: Record<string, { value: string; label: string }[]>;
}

/** The form's state as its fields see it, and how many of them differ from the preset. */
export function useFormState(parts: Parts): FormState & { numChanged: number } {
  const { fields, base, config, setConfig, problems, options } = parts;
  const changed = useMemo(() => new Set(changedPaths(fields, config, base).map(pathId)), [fields, config, base]);
  const set: FormState["set"] = (path, value) => setConfig((old) => setAt(old, path, value) as JsonObject);
  return {
    valueAt: (path) => getAt(config, path),
    baseAt: (path) => getAt(base, path),
    isChanged: (path) => changed.has(pathId(path)),
    problemAt: (path) => problems.fields.get(pathId(path)) ?? null,
    optionsAt: (path) => options[pathId(path)] ?? null,
    set,
    reset: (path) => set(path, getAt(base, path) ?? null),
    numChanged: changed.size,
  };
}
