/** From series of points to the aligned columns that uPlot draws. */
import type { Point } from "@/api/live";

import type { XAxis } from "./charts-search";
import { smooth } from "./smoothing";

/** x, then for each series its values and, when smoothed, their average. `undefined` is no gap. */
export type Column = (number | null | undefined)[];

export interface ChartData {
  xs: number[];
  /** RL step of every x. */
  steps: number[];
  columns: Column[];
}

export function xOf(point: Point, axis: XAxis): number {
  if (axis === "epoch") return point.epoch;
  return axis === "time" ? point.seconds : point.rl_step;
}

/**
 * Columns over the union of all steps. A value that is not finite is `null`, which breaks the
 * line; a step that another series has and this one has not is `undefined`, which does not.
 */
export function alignSeries(series: readonly (readonly Point[])[], axis: XAxis, smoothing: number): ChartData {
  const byStep = new Map<number, number>();
  for (const points of series) for (const point of points) byStep.set(point.rl_step, xOf(point, axis));
  const steps = [...byStep.keys()].sort((a, b) => a - b);
  const indexOf = new Map(steps.map((step, index) => [step, index]));
  const columns = series.flatMap((points) => {
    const values = points.map((point) => (Number.isFinite(point.value) ? point.value : null));
    const drawn = smoothing > 0 ? [values, smooth(values, smoothing)] : [values];
    return drawn.map((column) => {
      const aligned = new Array<number | null | undefined>(steps.length).fill(undefined);
      points.forEach((point, index) => {
        const at = indexOf.get(point.rl_step);
        if (at !== undefined) aligned[at] = column[index];
      });
      return aligned;
    });
  });
  return { xs: steps.map((step) => byStep.get(step) ?? 0), steps, columns };
}

/** The newest finite value. */
export function lastFinite(points: readonly Point[]): number | null {
  return points.findLast((point) => Number.isFinite(point.value))?.value ?? null;
}
