import { createContext, use } from "react";

import type { Json, Path } from "./form-schema";

/** What a field needs of the form around it. */
export interface FormState {
  valueAt: (path: Path) => Json | undefined;
  baseAt: (path: Path) => Json | undefined;
  isChanged: (path: Path) => boolean;
  problemAt: (path: Path) => string | null;
  /** Names to choose from, where the platform knows them. */
  optionsAt: (path: Path) => { value: string; label: string }[] | null;
  set: (path: Path, value: Json) => void;
  reset: (path: Path) => void;
}

export const FormContext = createContext<FormState | null>(null);

export function useForm(): FormState {
  const form = use(FormContext);
  if (form === null) throw new Error("A field stands outside its form");
  return form;
}

export function pathId(path: Path): string {
  return path.join(".");
}
