/** A JSON schema as the fields of a form. Only what the configuration's schema uses is known. */

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };
export type Path = (string | number)[];

interface Common {
  name: string;
  label: string;
  help: string;
  unit: string;
  fallback: Json | undefined;
}

export interface NumberField extends Common {
  type: "number";
  isInteger: boolean;
  isNullable: boolean;
  range: string;
}
export interface TextField extends Common {
  type: "text";
  isLong: boolean;
  isNullable: boolean;
}
export interface ChoiceField extends Common {
  type: "choice";
  options: Json[];
}
export interface BooleanField extends Common {
  type: "boolean";
}
export interface ListField extends Common {
  type: "list";
  item: Field[];
  maxItems: number;
  minItems: number;
}
/** A list of numbers or texts, typed with commas in between. */
export interface ValuesField extends Common {
  type: "values";
  isNumeric: boolean;
}
export interface GroupField extends Common {
  type: "group";
  /** It may be left out as a whole: null. */
  isNullable: boolean;
  fields: Field[];
}
export type Field = NumberField | TextField | ChoiceField | BooleanField | ListField | ValuesField | GroupField;

interface Node {
  $ref?: string;
  $defs?: Record<string, Node>;
  type?: string;
  const?: Json;
  enum?: Json[];
  anyOf?: Node[];
  items?: Node;
  properties?: Record<string, Node>;
  description?: string;
  default?: Json;
  unit?: string;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: number;
  exclusiveMaximum?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
}

const LONG_TEXT = 500;

/** `max_response_tokens` as `Max response tokens`; initials keep their capitals. */
export function labelOf(name: string): string {
  const words = name
    .replace(/_frac$/, " share")
    .replace(/_s$/, "")
    .replaceAll("_", " ");
  if (words.length === 1) return words;
  if (words === "dataset") return "Data set";
  const spelled = words.replace(/\bkl\b/g, "KL").replace(/\brl\b/g, "RL").replace(/\blora\b/g, "LoRA").replace(/\btop p\b/, "top-p");
  return spelled.charAt(0).toUpperCase() + spelled.slice(1);
}

function resolve(node: Node, root: Node): Node {
  const name = node.$ref?.split("/").at(-1);
  if (name === undefined) return node;
  return { ...root.$defs?.[name], ...node };
}

function rangeText(node: Node): string {
  const low = node.minimum ?? node.exclusiveMinimum;
  const high = node.maximum ?? node.exclusiveMaximum;
  const above = node.exclusiveMinimum === undefined ? "\u2265" : ">";
  const below = node.exclusiveMaximum === undefined ? "\u2264" : "<";
  return [low === undefined ? "" : `${above} ${low}`, high === undefined ? "" : `${below} ${high}`]
    .filter(Boolean)
    .join(", ");
}

function toField(name: string, raw: Node, root: Node): Field | null {
  const outer = resolve(raw, root);
  const isNullable = outer.anyOf?.some((option) => option.type === "null") ?? false;
  const inner = outer.anyOf?.find((option) => option.type !== "null");
  const node = inner === undefined ? outer : { ...resolve(inner, root), ...outer };
  const common = {
    name,
    label: labelOf(name),
    help: node.description ?? "",
    unit: node.unit ?? "",
    fallback: node.default,
  };
  if (node.const !== undefined) return null;
  if (node.enum !== undefined) return { ...common, type: "choice", options: node.enum };
  switch (node.type) {
    case "boolean":
      return { ...common, type: "boolean" };
    case "integer":
    case "number":
      return { ...common, type: "number", isInteger: node.type === "integer", isNullable, range: rangeText(node) };
    case "string":
      return { ...common, type: "text", isNullable, isLong: (node.maxLength ?? 0) >= LONG_TEXT };
    case "array": {
      const items = resolve(node.items ?? {}, root);
      if (items.type !== "object") return { ...common, type: "values", isNumeric: items.type !== "string" };
      const item = fieldsOf(items, root);
      return { ...common, type: "list", item, minItems: node.minItems ?? 0, maxItems: node.maxItems ?? Infinity };
    }
    case "object":
      return { ...common, type: "group", isNullable, fields: fieldsOf(node, root) };
    default:
      return null;
  }
}

function fieldsOf(node: Node, root: Node): Field[] {
  return Object.entries(node.properties ?? {}).flatMap(([name, property]) => toField(name, property, root) ?? []);
}

/** Fields of an object's JSON schema in the order of their definition; constants have none. */
export function parseSchema(schema: unknown): Field[] {
  const root = schema as Node;
  return fieldsOf(root, root);
}
