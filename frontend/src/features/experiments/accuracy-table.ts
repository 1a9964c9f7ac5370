/** Table 3 as the paper lays it out: a line for each way to decode, a group of columns for each split. */
import type { Report, TableEntry, TableRow } from "@/api/report";

export interface Line {
  model: string;
  dataset: string;
  k: number;
  temperature: number;
  /** How many lines the model and data set have, on the first of them; else 0. */
  groupSize: number;
  /** Split to its row. */
  rows: Map<string, TableRow>;
}

export interface AccuracyTable {
  splits: string[];
  settings: string[];
  lines: Line[];
}

const SPLITS = ["train", "validation", "test"];
/** A gain of at least this, relative to vanilla, has the deepest tint. */
const LEAST_FULL_GAIN = 0.25;

/** The report's rows as lines of a table. */
export function layOut(rows: Report["table"]): AccuracyTable {
  const lines = new Map<string, Line>();
  for (const row of rows) {
    const key = JSON.stringify([row.model, row.dataset, row.k, row.temperature]);
    const line = lines.get(key) ?? { ...row, groupSize: 0, rows: new Map<string, TableRow>() };
    line.rows.set(row.split, row);
    lines.set(key, line);
  }
  const groups = Map.groupBy(lines.values(), (line) => JSON.stringify([line.model, line.dataset]));
  return {
    splits: [...new Set(rows.map((row) => row.split))].sort((a, b) => SPLITS.indexOf(a) - SPLITS.indexOf(b)),
    settings: [...new Set(rows.flatMap((row) => row.entries.map((entry) => entry.setting)))],
    lines: [...groups.values()].flatMap((group) =>
      group.map((line, index) => ({ ...line, groupSize: index === 0 ? group.length : 0 })),
    ),
  };
}

/** The gain that has the deepest tint: the largest of the table, but not a small one. */
export function fullGain(rows: Report["table"]): number {
  const gains = rows.flatMap((row) => row.entries.flatMap((entry) => [entry.mean_gain, entry.maximum_gain]));
  return gains.reduce<number>((most, gain) => Math.max(most, Math.abs(gain ?? 0)), LEAST_FULL_GAIN);
}

export interface Tint {
  direction: "gain" | "loss" | "none";
  /** 0 to 1; the square root keeps small differences visible beside a large one. */
  depth: number;
}

export function tintOf(gain: number | null, full: number): Tint {
  if (gain === null || gain === 0) return { direction: "none", depth: 0 };
  return { direction: gain > 0 ? "gain" : "loss", depth: Math.sqrt(Math.min(1, Math.abs(gain) / full)) };
}

export type Statistic = "mean" | "maximum";

/** Estimate and gain of one setting's statistic. */
export function statisticOf(entry: TableEntry | undefined, statistic: Statistic) {
  if (entry === undefined) return { estimate: null, gain: null };
  return statistic === "mean"
    ? { estimate: entry.mean, gain: entry.mean_gain }
    : { estimate: entry.maximum, gain: entry.maximum_gain };
}
