/** An experiment as it is written in its form: typed values stay text until they are sent. */
import type { FieldProblem, Schemas } from "@/api/client";

import type { Field, Json, JsonObject } from "./form-schema";
import { cleanValue, defaultsOf, isObject, isSame, parseValues } from "./form-value";
import { typedPriority } from "./priority";
import { NO_PROBLEMS, sortProblems } from "./problems";
import type { Problems } from "./problems";

export type Spec = Schemas["ExperimentSpec"];
export type Kind = Spec["settings"][number]["kind"];
export type TrainedKind = Exclude<Kind, "vanilla">;
/** Fields of a kind's configuration, without those that the experiment gives. */
export type FieldsByKind = Record<TrainedKind, Field[]>;

export interface SettingDraft {
  /** For React, and to address it while names change. */
  key: number;
  name: string;
  kind: Kind;
  /** Where the configuration began: what differs from it is marked. */
  base: JsonObject;
  config: JsonObject;
}

export interface Draft {
  name: string;
  models: string[];
  datasets: string[];
  seeds: string;
  priority: string;
  settings: SettingDraft[];
}

export const EMPTY_SPEC: Spec = {
  name: "",
  models: [],
  datasets: [],
  settings: [{ name: "vanilla", kind: "vanilla", config: {} }],
  seeds: [0, 1, 2],
  priority: 0,
};

const GIVEN_BY_EXPERIMENT = ["model", "dataset", "seed"];

/** The fields that a setting may set. */
export function settingFields(fields: Field[]): Field[] {
  return fields.filter(({ name }) => !GIVEN_BY_EXPERIMENT.includes(name));
}

/** `over` laid over `under`; lists and scalars are replaced as a whole. */
function overlay(under: JsonObject, over: JsonObject): JsonObject {
  const merged = { ...under };
  for (const [name, value] of Object.entries(over)) {
    const below = merged[name];
    merged[name] = isObject(below) && isObject(value) ? overlay(below, value) : value;
  }
  return merged;
}

/** A configuration with every field, defaults where it sets none. */
export function fullConfig(fields: Field[], config: JsonObject): JsonObject {
  const full = overlay(defaultsOf(fields), config);
  return Object.fromEntries(Object.entries(full).filter(([name]) => name !== "kind" && !GIVEN_BY_EXPERIMENT.includes(name)));
}

export function settingDraft(key: number, name: string, kind: Kind, config: JsonObject, fields: FieldsByKind): SettingDraft {
  const full = kind === "vanilla" ? config : fullConfig(fields[kind], config);
  return { key, name, kind, base: full, config: full };
}

export function draftOf(spec: Spec, fields: FieldsByKind): Draft {
  return {
    name: spec.name,
    models: [...spec.models],
    datasets: [...spec.datasets],
    seeds: spec.seeds.join(", "),
    priority: String(spec.priority),
    settings: spec.settings.map(({ name, kind, config }, index) =>
      settingDraft(index, name, kind, (config ?? {}) as JsonObject, fields),
    ),
  };
}

/** What is not as the fields' defaults have it. */
export function withoutDefaults(value: JsonObject, defaults: JsonObject): JsonObject {
  const kept: JsonObject = {};
  for (const [name, mine] of Object.entries(value)) {
    const fallback = defaults[name];
    if (isSame(mine, fallback)) continue;
    kept[name] = isObject(mine) && isObject(fallback) ? withoutDefaults(mine, fallback) : mine;
  }
  return kept;
}

function seedsOf(text: string): Json[] {
  return parseValues(text, { isNumeric: true });
}

/** The request that the draft makes; what is typed wrongly goes along, and the server says so. */
export function specOf(draft: Draft, fields: FieldsByKind): Spec {
  const settings = draft.settings.map(({ name, kind, config }) => ({
    name: name.trim(),
    kind,
    config: kind === "vanilla" ? config : withoutDefaults(cleanValue(fields[kind], config), defaultsOf(fields[kind])),
  }));
  const { name, models, datasets } = draft;
  return { name: name.trim(), models, datasets, settings, seeds: seedsOf(draft.seeds), priority: typedPriority(draft.priority) } as Spec;
}

export interface RunCount {
  total: number;
  perKind: { kind: Kind; count: number }[];
}

/** How many runs the experiment makes: every trained setting with each seed, vanilla once. */
export function countRuns({ models, datasets, seeds, settings }: Draft): RunCount {
  const numPairs = models.length * datasets.length;
  const numSeeds = seedsOf(seeds).length;
  const perKind = (["vanilla", "sft", "rl"] as const).map((kind) => ({
    kind,
    count: settings.filter((setting) => setting.kind === kind).length * numPairs * (kind === "vanilla" ? 1 : numSeeds),
  }));
  return { total: perKind.reduce((sum, { count }) => sum + count, 0), perKind: perKind.filter(({ count }) => count > 0) };
}

export interface DraftProblems {
  name: string | null;
  models: string | null;
  datasets: string | null;
  seeds: string | null;
  priority: string | null;
  /** Of each setting, by its place. */
  settings: Map<number, Problems>;
  rest: string[];
}

const OWN_FIELDS = ["name", "models", "datasets", "seeds", "priority"] as const;

function isOwnField(name: string | number | undefined): name is (typeof OWN_FIELDS)[number] {
  return OWN_FIELDS.some((own) => own === name);
}

/** The server's refusals, sorted to the fields that they are about. */
export function sortDraftProblems(problems: FieldProblem[], kinds: Kind[], fields: FieldsByKind): DraftProblems {
  const sorted: DraftProblems = { name: null, models: null, datasets: null, seeds: null, priority: null, settings: new Map(), rest: [] };
  const ofSettings = new Map<number, FieldProblem[]>();
  for (const problem of problems) {
    const path = problem.path[0] === "body" ? problem.path.slice(1) : problem.path;
    const [first, index, ...below] = path;
    if (first === "settings" && typeof index === "number") {
      ofSettings.set(index, [...(ofSettings.get(index) ?? []), { ...problem, path: below }]);
    } else if (isOwnField(first)) {
      sorted[first] = [sorted[first], problem.message].filter(Boolean).join(" ");
    } else {
      sorted.rest.push(path.length === 0 ? problem.message : `${path.join(".")}: ${problem.message}`);
    }
  }
  for (const [index, own] of ofSettings) {
    const kind = kinds[index];
    sorted.settings.set(index, sortProblems(own, kind === undefined || kind === "vanilla" ? [] : fields[kind]));
  }
  return sorted;
}

export function problemsOf(problems: DraftProblems | null, index: number): Problems {
  return problems?.settings.get(index) ?? NO_PROBLEMS;
}

/** A name that no other setting has: `rl`, then `rl-2`. */
export function freeName(wanted: string, taken: readonly string[]): string {
  for (let number = 1; ; number += 1) {
    const name = number === 1 ? wanted : `${wanted}-${number}`;
    if (!taken.includes(name)) return name;
  }
}
