export type XAxis = "step" | "epoch" | "time";

export interface ChartsSearch {
  x?: XAxis;
  smooth?: number;
  /** Zoomed range of the x-axis, as `from~to`. */
  zoom?: string;
}

export const X_AXES: readonly { value: XAxis; label: string }[] = [
  { value: "step", label: "RL step" },
  { value: "epoch", label: "Epoch" },
  { value: "time", label: "Time" },
];

/** The view of the charts as it stands in the address. */
export function parseChartsSearch(raw: Record<string, unknown>): ChartsSearch {
  const axis = X_AXES.find(({ value }) => value === raw.x)?.value;
  const smooth = Number(raw.smooth);
  return {
    ...(axis === undefined || axis === "step" ? {} : { x: axis }),
    ...(smooth > 0 && smooth < 1 ? { smooth } : {}),
    ...(typeof raw.zoom === "string" && parseZoom(raw.zoom) !== null ? { zoom: raw.zoom } : {}),
  };
}

export function parseZoom(text: string | undefined): [number, number] | null {
  const [from, to] = (text ?? "").split("~").map(Number);
  if (from === undefined || to === undefined || !Number.isFinite(from) || !Number.isFinite(to)) return null;
  return to > from ? [from, to] : null;
}

export function formatZoom([from, to]: [number, number]): string {
  return `${Number(from.toPrecision(6))}~${Number(to.toPrecision(6))}`;
}
