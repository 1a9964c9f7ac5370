/** uPlot's options for one chart. */
import type uPlot from "uplot";

import { axisLook, rangeOfValues, themeColor, WHOLE_INCREMENTS } from "@/components/plot-look";
import { formatTicks } from "@/format";

import type { ChartSpec } from "./chart-list";
import type { XAxis } from "./charts-search";

const PALETTE_SIZE = 6;
const RAW_ALPHA_UNDER_SMOOTHED = 0.3;
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800];
const HOURS = [1, 2, 3, 6, 12, 24, 48, 72, 120, 240, 480].map((hours) => hours * 3600);
/** Distances between ticks: whole steps, and round times. */
const INCREMENTS = {
  step: WHOLE_INCREMENTS,
  time: [...SECONDS, ...HOURS],
};
const DASHES = [5, 4];

interface Wanted {
  spec: ChartSpec;
  axis: XAxis;
  isSmoothed: boolean;
  syncKey: string;
  size: { width: number; height: number };
  onCursor: (index: number | null) => void;
  onZoom: (range: [number, number] | null) => void;
}

/** CSS variable of a series' colour. */
export function seriesColor(slot: number): string {
  return `--series-${(slot % PALETTE_SIZE) + 1}`;
}

function seriesOptions({ spec, isSmoothed }: Wanted): uPlot.Series[] {
  return spec.series.flatMap((series) => {
    const stroke = themeColor(seriesColor(series.color));
    const line: uPlot.Series = {
      label: series.label,
      stroke,
      width: 1.5,
      points: { size: 4, stroke, fill: stroke },
      ...(series.isDashed ? { dash: DASHES } : {}),
    };
    if (!isSmoothed) return [line];
    return [{ ...line, width: 1, alpha: RAW_ALPHA_UNDER_SMOOTHED, points: { show: false } }, { ...line, points: { show: false } }];
  });
}

export function plotOptions(wanted: Wanted): uPlot.Options {
  const { spec, axis, size, syncKey, onCursor, onZoom } = wanted;
  const { unit } = spec.metric;
  const look = axisLook();
  return {
    ...size,
    legend: { show: false },
    padding: [8, 10, 0, 0],
    cursor: {
      y: false,
      sync: { key: syncKey, setSeries: false },
      drag: { x: true, y: false, setScale: false },
      points: { size: 7 },
    },
    scales: {
      x: { time: false },
      y: { range: (_plot, low, high) => rangeOfValues(low, high, spec.metric.has_zero_axis) },
    },
    axes: [
      { ...look, size: 26, gap: 4, values: (_plot, ticks) => formatTicks(ticks, axis === "time" ? "time" : "1"), space: axis === "time" ? 80 : 50, ...(axis === "epoch" ? {} : { incrs: INCREMENTS[axis] }) },
      { ...look, size: 50, gap: 6, values: (_plot, ticks) => formatTicks(ticks, unit), space: 36 },
    ],
    series: [{}, ...seriesOptions(wanted)],
    hooks: {
      setCursor: [(plot) => onCursor(plot.cursor.idx ?? null)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width < 4) return;
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
          onZoom([plot.posToVal(left, "x"), plot.posToVal(left + width, "x")]);
        },
      ],
    },
  };
}
