/** Cells of an experiment as a grid: a line for each model, data set and setting, a column for each seed. */
import type { ExperimentCell } from "@/api/experiment-queries";

export interface GridLine {
  model: string;
  dataset: string;
  setting: string;
  kind: ExperimentCell["kind"];
  /** Seed to cell. */
  bySeed: Map<number, ExperimentCell>;
  /** The one cell of a setting that has no seeds: vanilla. */
  shared: ExperimentCell | null;
}

export interface RunGrid {
  seeds: number[];
  lines: GridLine[];
}

export function layOutRuns(cells: readonly ExperimentCell[], seeds: readonly number[]): RunGrid {
  const lines = new Map<string, GridLine>();
  for (const cell of cells) {
    const key = JSON.stringify([cell.model, cell.dataset, cell.setting]);
    const { model, dataset, setting, kind } = cell;
    const line = lines.get(key) ?? { model, dataset, setting, kind, bySeed: new Map<number, ExperimentCell>(), shared: null };
    lines.set(key, line);
    if (cell.seed === null) line.shared = cell;
    else line.bySeed.set(cell.seed, cell);
  }
  return { seeds: [...seeds], lines: [...lines.values()] };
}
