/** From a panel of the report to the columns that uPlot draws, and how its curves look. */
import type { Panel, PanelSeries, Report } from "@/api/report";

type Column = (number | null | undefined)[];

export interface Look {
  /** CSS variable of the colour. */
  color: string;
  dash: number[] | undefined;
  width: number;
}

const RL_COLORS = ["--series-1", "--series-4", "--series-5", "--purple"];
const SFT_COLORS = ["--series-2", "--series-6"];
const VANILLA_DASH = [6, 4];
const PUBLISHED_DASHES = [undefined, [6, 4], [2, 3]];

/** How the curves of each role and label look, the same in all figures of a report. */
export function buildLooks(figures: Report["figures"]): Map<string, Look> {
  const labels: Record<PanelSeries["role"], Set<string>> = { vanilla: new Set(), sft: new Set(), rl: new Set(), published: new Set() };
  for (const { role, label } of seriesOf(figures)) labels[role].add(label);
  const looks = new Map<string, Look>();
  for (const role of ["vanilla", "sft", "rl", "published"] as const) {
    [...labels[role]].forEach((label, index) => looks.set(lookKey({ role, label }), lookOf(role, index)));
  }
  return looks;
}

function seriesOf(figures: Report["figures"]): PanelSeries[] {
  return figures.flatMap((figure) => figure.blocks.flatMap((block) => block.panels.flatMap((panel) => panel.series)));
}

export function lookKey({ role, label }: Pick<PanelSeries, "role" | "label">): string {
  return `${role} ${label}`;
}

function lookOf(role: PanelSeries["role"], index: number): Look {
  switch (role) {
    case "vanilla":
      return { color: "--series-3", dash: VANILLA_DASH, width: 1.5 };
    case "published":
      return { color: "--text-soft", dash: PUBLISHED_DASHES[index % PUBLISHED_DASHES.length], width: 1 };
    case "sft":
      return { color: SFT_COLORS[index % SFT_COLORS.length] ?? "--series-2", dash: undefined, width: 1.75 };
    case "rl":
      return { color: RL_COLORS[index % RL_COLORS.length] ?? "--series-1", dash: undefined, width: 1.75 };
  }
}

/** Columns of one curve: its mean, and the edges of its band where it has one. */
export interface Curve {
  series: PanelSeries;
  mean: Column;
  band: { high: Column; low: Column } | null;
}

export interface PanelData {
  xs: number[];
  curves: Curve[];
}

/**
 * Columns over the union of all x. A value that is not defined is `null`, which breaks the line; an
 * x that another curve has and this one has not is `undefined`, which does not. Vanilla measured
 * once is drawn over the whole width.
 */
export function alignPanel(series: readonly PanelSeries[]): PanelData {
  const xs = [...new Set(series.flatMap((entry) => entry.x))].sort((a, b) => a - b);
  const indexOf = new Map(xs.map((x, index) => [x, index]));
  const curves = series.map((entry) => {
    const spread = (values: readonly (number | null)[]): Column => {
      if (entry.role === "vanilla" && entry.x.length === 1) return xs.map(() => values[0] ?? null);
      const column = new Array<number | null | undefined>(xs.length).fill(undefined);
      entry.x.forEach((x, index) => (column[indexOf.get(x) ?? -1] = values[index] ?? null));
      return column;
    };
    return { series: entry, mean: spread(entry.mean), band: bandOf(entry, spread) };
  });
  return { xs, curves };
}

function bandOf(series: PanelSeries, spread: (values: readonly (number | null)[]) => Column): Curve["band"] {
  const { mean, std } = series;
  if (std === null) return null;
  const edge = (sign: number) =>
    spread(mean.map((value, index) => (value === null ? null : value + sign * (std[index] ?? 0))));
  return { high: edge(1), low: edge(-1) };
}

/** The columns in uPlot's order: for each curve its mean, then the upper and lower edge of its band. */
export function columnsOf({ curves }: PanelData): Column[] {
  return curves.flatMap(({ mean, band }) => (band === null ? [mean] : [mean, band.high, band.low]));
}

export type Unit = "share" | "1";

/** How values of the panel are written. */
export function unitOf(panel: Panel): Unit {
  return /^share$|\(share\)$/.test(panel.y_label) ? "share" : "1";
}

/** Shares and counts start at zero, as do the paper's; lengths do not. */
export function hasZeroAxis(panel: Panel): boolean {
  return panel.y_label === "share" || panel.y_label === "count";
}

/** What a panel shows, in a sentence for those who do not see it. */
export function describe(panel: Panel, write: (value: number) => string): string {
  const parts = panel.series.map(({ label, x, mean, num_runs: runs }) => {
    const measured = mean.flatMap((value, index) => (value === null ? [] : [{ x: x[index] ?? 0, value }]));
    const [first, last] = [measured[0], measured.at(-1)];
    if (first === undefined || last === undefined) return `${label}: not measured`;
    return `${label} (n=${runs}): ${write(first.value)} at ${panel.x_label} ${first.x}, ${write(last.value)} at ${last.x}`;
  });
  return parts.length === 0 ? "Nothing is measured yet." : `${parts.join("; ")}.`;
}
