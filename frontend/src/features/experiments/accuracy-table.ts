/** Table 3 as the paper lays it out: a line for each way to decode, a group of columns for each split. */
import type { Report, TableEntry, TableRow } from "@/api/report";

export interface Line {
  k: number;
  temperature: number;
  /** Split to its row. */
  rows: Map<string, TableRow>;
}

/** The lines of one model and data set. */
export interface Group {
  model: string;
  dataset: string;
  lines: Line[];
}

export interface AccuracyTable {
  splits: string[];
  settings: string[];
  groups: Group[];
}

const SPLITS = ["train", "validation", "test"];
/** A gain of at least this, relative to vanilla, has the deepest tint. */
const LEAST_FULL_GAIN = 0.25;

/** The report's rows as lines of a table. */
export function layOut(rows: Report["table"]): AccuracyTable {
  const groups: Group[] = [];
  for (const row of rows) {
    const { model, dataset, k, temperature } = row;
    let group = groups.find((other) => other.model === model && other.dataset === dataset);
    if (group === undefined) groups.push((group = { model, dataset, lines: [] }));
    let line = group.lines.find((other) => other.k === k && other.temperature === temperature);
    if (line === undefined) group.lines.push((line = { k, temperature, rows: new Map() }));
    line.rows.set(row.split, row);
  }
  return {
    splits: [...new Set(rows.map((row) => row.split))].sort((a, b) => SPLITS.indexOf(a) - SPLITS.indexOf(b)),
    settings: [...new Set(rows.flatMap((row) => row.entries.map((entry) => entry.setting)))],
    groups,
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
