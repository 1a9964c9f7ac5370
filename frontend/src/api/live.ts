/** Pure merging of what the stream says into what was fetched; no point lost, none twice. */
import type { MetricKey, Run, RunDetail } from "./client";

export interface Point {
  rl_step: number;
  epoch: number;
  seconds: number;
  value: number;
}

export interface LivePoint extends Point {
  key: string;
}

/** A float that may travel as "NaN", "Infinity" or "-Infinity". */
function toNumber(value: unknown): number {
  return typeof value === "number" ? value : Number(value);
}

/** A point as it comes over the wire: its value may be "NaN" or "Infinity". */
export function parsePoint<T extends { value: unknown }>(raw: T): Omit<T, "value"> & { value: number } {
  return { ...raw, value: toNumber(raw.value) };
}

/** Points in order of rl_step, one for each step; what comes later wins. */
export function mergePoints(old: readonly Point[], incoming: readonly Point[]): Point[] {
  const last = old.at(-1);
  const sorted = [...incoming].sort((a, b) => a.rl_step - b.rl_step);
  const first = sorted[0];
  if (first === undefined) return [...old];
  const isAppend = last === undefined || first.rl_step > last.rl_step;
  const all = isAppend ? [...old, ...sorted] : [...old, ...sorted].sort((a, b) => a.rl_step - b.rl_step);
  const merged: Point[] = [];
  for (const point of all) {
    if (merged.at(-1)?.rl_step === point.rl_step) merged[merged.length - 1] = point;
    else merged.push(point);
  }
  return merged;
}

/** The metrics that a run has logged, with those that it logs for the first time. */
export function mergeKeys(old: MetricKey[], points: readonly LivePoint[]): MetricKey[] {
  const known = new Set(old.map((metric) => metric.key));
  const added = new Map(points.filter((point) => !known.has(point.key)).map((point) => [point.key, point]));
  if (added.size === 0) return old;
  const metrics = [...added.values()].map(({ key, rl_step, value }) => ({
    key,
    name: key.split("{")[0] ?? key,
    num_points: 1,
    last_rl_step: rl_step,
    last_value: Number.isFinite(value) ? value : null,
  }));
  return [...old, ...metrics];
}

/** Pages of runs with one run replaced, or put first when it is new. */
export function mergeRun<P extends { runs: Run[] }>(pages: P[], run: Run): P[] {
  if (pages.some((page) => page.runs.some((old) => old.id === run.id))) {
    return pages.map((page) => ({
      ...page,
      runs: page.runs.map((old) => (old.id === run.id ? run : old)),
    }));
  }
  return pages.map((page, index) => (index === 0 ? { ...page, runs: [run, ...page.runs] } : page));
}

/** Pages of runs without one that was deleted. */
export function dropRun<P extends { runs: Run[] }>(pages: P[], runId: string): P[] {
  return pages.map((page) => ({ ...page, runs: page.runs.filter((run) => run.id !== runId) }));
}

/** A run's detail with the newest summary; its configuration never changes. */
export function mergeDetail(detail: RunDetail, run: Run): RunDetail {
  return { ...detail, ...run };
}

interface Remembered<T> {
  at: number;
  item: T;
}

/**
 * What the stream said lately. A fetch that was under way while an event came may carry the older
 * state; it lays everything that came since its start over its result.
 */
export class Recent<T> {
  private entries: Remembered<T>[] = [];

  constructor(
    private readonly keepMs = 60_000,
    private readonly clock: () => number = () => performance.now(),
  ) {}

  add(item: T): void {
    const now = this.clock();
    this.entries.push({ at: now, item });
    const first = this.entries[0];
    if (first !== undefined && now - first.at > 2 * this.keepMs) {
      this.entries = this.entries.filter((entry) => now - entry.at <= this.keepMs);
    }
  }

  /** Forget what is said of something that is no more. */
  drop(isGone: (item: T) => boolean): void {
    this.entries = this.entries.filter((entry) => !isGone(entry.item));
  }

  mark(): number {
    return this.clock();
  }

  since(mark: number): T[] {
    return this.entries.filter((entry) => entry.at >= mark).map((entry) => entry.item);
  }
}
