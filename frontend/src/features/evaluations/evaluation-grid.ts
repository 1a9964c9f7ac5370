/** A run's evaluations as a table: a line for each step, a column for each split and way to decode. */
import type { Evaluation } from "@/api/evaluation-queries";
import { capitalize, formatNumber } from "@/format";

const SPLITS = ["train", "validation", "test"];

export interface Column {
  key: string;
  split: string;
  decoding: string;
}

export interface Line {
  step: number;
  epoch: number | null;
  /** Column's key to the evaluation. */
  cells: Map<string, Evaluation>;
}

export interface EvaluationGrid {
  splits: { name: string; numColumns: number }[];
  columns: Column[];
  /** Newest first. */
  lines: Line[];
}

export function decodingText({ k, temperature, pictures }: Evaluation): string {
  return `pass@${k}, T=${temperature}${pictures === "permuted" ? ", permuted pictures" : ""}`;
}

/** An evaluation in a line: Validation pass@1, T=0.6, step 16. */
export function evaluationText(evaluation: Evaluation): string {
  return `${capitalize(evaluation.split)} ${decodingText(evaluation)}, ${momentText(evaluation.rl_step, evaluation.epoch)}`;
}

export function momentText(step: number, epoch: number | null): string {
  return epoch === null ? `step ${step}` : `epoch ${formatNumber(epoch)}, step ${step}`;
}

function columnKey(evaluation: Evaluation): string {
  const { split, pictures, k, temperature, top_p: topP } = evaluation;
  return JSON.stringify([split, pictures, k, temperature, topP]);
}

function byColumn(a: Evaluation, b: Evaluation): number {
  return (
    SPLITS.indexOf(a.split) - SPLITS.indexOf(b.split) ||
    Number(a.pictures === "permuted") - Number(b.pictures === "permuted") ||
    b.k - a.k ||
    b.temperature - a.temperature
  );
}

export function layOutEvaluations(evaluations: readonly Evaluation[]): EvaluationGrid {
  const columns = new Map<string, Column>();
  for (const evaluation of evaluations.toSorted(byColumn)) {
    const key = columnKey(evaluation);
    columns.set(key, { key, split: evaluation.split, decoding: decodingText(evaluation) });
  }
  const lines = new Map<number, Line>();
  for (const evaluation of evaluations) {
    const { rl_step: step, epoch } = evaluation;
    const line = lines.get(step) ?? { step, epoch, cells: new Map<string, Evaluation>() };
    line.cells.set(columnKey(evaluation), evaluation);
    lines.set(step, line);
  }
  const all = [...columns.values()];
  return {
    splits: SPLITS.map((name) => ({ name, numColumns: all.filter(({ split }) => split === name).length })).filter(
      ({ numColumns }) => numColumns > 0,
    ),
    columns: all,
    lines: [...lines.values()].sort((a, b) => b.step - a.step),
  };
}

/** The evaluations that can be compared with one: of the same problems, those that decode alike first. */
export function comparable(evaluations: readonly Evaluation[], open: Evaluation): Evaluation[] {
  const isAlike = (other: Evaluation) =>
    Number(other.k === open.k && other.temperature === open.temperature && other.pictures === open.pictures);
  return evaluations
    .filter((other) => other.id !== open.id && other.dataset === open.dataset && other.split === open.split)
    .sort((a, b) => isAlike(b) - isAlike(a) || a.rl_step - b.rl_step);
}
