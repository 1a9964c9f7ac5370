/** Values of the form: what is typed stays text until it is sent, so that nothing is lost while typing. */
import type { Field, Json, JsonObject, NumberField, Path, ValuesField } from "./form-schema";

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function getAt(value: Json | undefined, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((at, key) => {
    if (Array.isArray(at) && typeof key === "number") return at[key];
    return isObject(at) ? at[key] : undefined;
  }, value);
}

export function setAt(value: Json | undefined, path: Path, wanted: Json): Json {
  const [key, ...rest] = path;
  if (key === undefined) return wanted;
  if (typeof key === "number") {
    const list = Array.isArray(value) ? [...value] : [];
    list[key] = setAt(list[key], rest, wanted);
    return list;
  }
  const object = isObject(value) ? value : {};
  return { ...object, [key]: setAt(object[key], rest, wanted) };
}

/** A typed number; what is none is kept as text, and the server says what is wrong with it. */
export function parseTyped(text: string, field: NumberField): Json {
  const trimmed = text.trim();
  if (trimmed === "") return field.isNullable ? null : "";
  const number = Number(trimmed);
  return Number.isFinite(number) ? number : trimmed;
}

/** Typed values between commas; what is no number is kept as text, as in `parseTyped`. */
export function parseValues(text: string, field: Pick<ValuesField, "isNumeric">): Json[] {
  const parts = text.split(",").map((part) => part.trim()).filter((part) => part !== "");
  return parts.map((part) => (field.isNumeric && Number.isFinite(Number(part)) ? Number(part) : part));
}

/** A list as it is typed: 0, 1, 2. */
export function valuesText(value: Json | undefined): string {
  if (typeof value === "string") return value;
  return Array.isArray(value) ? value.map((item) => (typeof item === "string" ? item : numberText(item))).join(", ") : "";
}

/** The number as people write it: 5e-6, 0.001, 896. */
export function numberText(value: Json | undefined): string {
  if (value === undefined || value === null) return "";
  if (typeof value === "string") return value;
  if (typeof value !== "number") return JSON.stringify(value);
  if (value !== 0 && Math.abs(value) < 1e-3) return value.toExponential().replace(/e([+-])/, "e$1").replace("e+", "e");
  return String(value);
}

function cleanField(field: Field, value: Json | undefined): Json | undefined {
  if (field.type === "group") return field.isNullable && !isObject(value) ? null : cleanValue(field.fields, value);
  if (field.type === "list" && Array.isArray(value)) return value.map((item) => cleanValue(field.item, item));
  if (field.type === "number" && typeof value === "string") return parseTyped(value, field);
  if (field.type === "values" && typeof value === "string") return parseValues(value, field);
  return value;
}

/** The value as it is sent: typed numbers become numbers. Keys without a field stay as they are. */
export function cleanValue(fields: Field[], value: Json | undefined): JsonObject {
  const cleaned: JsonObject = isObject(value) ? { ...value } : {};
  for (const field of fields) {
    const clean = cleanField(field, cleaned[field.name]);
    if (clean !== undefined) cleaned[field.name] = clean;
  }
  return cleaned;
}

/** The values that a form begins with where nothing is set: the schema's defaults. */
export function defaultsOf(fields: Field[]): JsonObject {
  return Object.fromEntries(
    fields.map((field) => {
      // A group's own default may differ from those of its fields.
      if (field.type === "group" && !field.isNullable) {
        return [field.name, { ...defaultsOf(field.fields), ...(isObject(field.fallback) ? field.fallback : {}) }];
      }
      return [field.name, field.fallback ?? (field.type === "group" ? null : "")];
    }),
  );
}

/** Equal as JSON, whatever the order of keys. */
export function isSame(a: Json | undefined, b: Json | undefined): boolean {
  if (Array.isArray(a) && Array.isArray(b)) {
    return a.length === b.length && a.every((item, index) => isSame(item, b[index]));
  }
  if (isObject(a) && isObject(b)) {
    const names = new Set([...Object.keys(a), ...Object.keys(b)]);
    return [...names].every((name) => isSame(a[name], b[name]));
  }
  return a === b;
}

/** Paths of the fields whose value differs from the base. */
export function changedPaths(fields: Field[], value: Json | undefined, base: Json | undefined, path: Path = []): Path[] {
  return fields.flatMap((field) => {
    const at = [...path, field.name];
    const [mine, its] = [getAt(value, [field.name]), getAt(base, [field.name])];
    if (field.type === "group") {
      return isObject(mine) === isObject(its) ? changedPaths(field.fields, mine, its, at) : [at];
    }
    return isSame(cleanField(field, mine), cleanField(field, its)) ? [] : [at];
  });
}
