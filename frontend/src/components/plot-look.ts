/** What all plots share: colours of the theme, axes, and the range of values. */
import type uPlot from "uplot";

const AXIS_FONT = "11px system-ui, sans-serif";

/** A colour of the theme in force. */
export function themeColor(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Options that every axis has. */
export function axisLook(): uPlot.Axis {
  return {
    stroke: themeColor("--text-soft"),
    font: AXIS_FONT,
    grid: { stroke: themeColor("--grid"), width: 1 },
    ticks: { show: false },
  };
}

/** Distances between ticks of whole steps. */
export const WHOLE_INCREMENTS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6].flatMap((size) => [size, 2 * size, 5 * size]);

/** Range of the y-axis: a little air, and zero where the metric demands it. */
export function rangeOfValues(low: number, high: number, hasZeroAxis: boolean): [number, number] {
  let [from, to] = hasZeroAxis ? [Math.min(0, low), Math.max(0, high)] : [low, high];
  if (from === to) {
    const air = from === 0 ? 1 : Math.abs(from) * 0.1;
    [from, to] = hasZeroAxis ? [Math.min(0, from - 0), to === 0 ? 1 : to + air] : [from - air, to + air];
  }
  const air = (to - from) * 0.06;
  return [hasZeroAxis && from === 0 ? 0 : from - air, hasZeroAxis && to === 0 ? 0 : to + air];
}
