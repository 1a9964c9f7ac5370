import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { axisLook, rangeOfValues, themeColor, WHOLE_INCREMENTS } from "@/components/plot-look";
import { useTheme } from "@/components/theme";
import { formatTicks } from "@/format";

import { columnsOf } from "./panel-data";
import type { Look, PanelData, Unit } from "./panel-data";

const BAND_ALPHA = 0.3;
const PUBLISHED_ALPHA = 0.15;

interface Wanted {
  data: PanelData;
  looks: Look[];
  unit: Unit;
  hasZero: boolean;
  /** Only whole numbers are marked on the y-axis. */
  isWhole: boolean;
  syncKey: string;
  onCursor: (index: number | null, left: number) => void;
}

/** Keep a uPlot of one panel in the element; drag zooms, a double click shows everything again. */
export function usePanelPlot(wanted: Wanted): React.RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(wanted);
  const theme = useTheme();
  useEffect(() => {
    latest.current = wanted;
  });
  const { data, looks } = wanted;
  const look = JSON.stringify([theme, wanted.unit, wanted.hasZero, looks, data.curves.map(({ band }) => band !== null)]);
  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const made = new uPlot(optionsOf(latest, sizeOf(element)), undefined, element);
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [look]);
  useEffect(() => {
    plot.current?.setData([data.xs, ...columnsOf(data)]);
  }, [data, look]);
  return box;
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: element.clientWidth, height: element.clientHeight };
}

function optionsOf(latest: React.RefObject<Wanted>, size: { width: number; height: number }): uPlot.Options {
  const { data, looks, unit, hasZero, isWhole, syncKey } = latest.current;
  const series: uPlot.Series[] = [{}];
  const bands: uPlot.Band[] = [];
  data.curves.forEach(({ series: { label, role }, band }, index) => {
    const { color, dash, width } = looks[index] ?? { color: "--text-soft", dash: undefined, width: 1 };
    const stroke = themeColor(color);
    series.push({ label, stroke, width, points: role === "vanilla" ? { show: false } : { size: 4, stroke, fill: stroke }, ...(dash ? { dash } : {}) });
    if (band === null) return;
    bands.push({ series: [series.length, series.length + 1], fill: withAlpha(stroke, role === "published" ? PUBLISHED_ALPHA : BAND_ALPHA) });
    series.push({ width: 0, points: { show: false } }, { width: 0, points: { show: false } });
  });
  const axis = axisLook();
  return {
    ...size,
    legend: { show: false },
    padding: [8, 8, 0, 0],
    cursor: { y: false, sync: { key: syncKey, setSeries: false }, drag: { x: true, y: false }, points: { size: 6, show: isMean(series) } },
    scales: { x: { time: false }, y: { range: (_plot, low, high) => hasZero ? rangeOfValues(Math.max(0, low), high, true) : rangeOfValues(low, high, false) } },
    axes: [
      { ...axis, size: 24, gap: 4, space: 36, incrs: WHOLE_INCREMENTS, values: (_plot, ticks) => formatTicks(ticks, "1") },
      { ...axis, size: 44, gap: 4, space: 28, ...(isWhole ? { incrs: WHOLE_INCREMENTS } : {}), values: (_plot, ticks) => formatTicks(ticks, unit) },
    ],
    series,
    bands,
    hooks: {
      // The cursor moves in all panels of a block, but only the one that is pointed at tells its values.
      setCursor: [
        (plot) => {
          const index = plot.over.matches(":hover") ? plot.cursor.idx : null;
          latest.current.onCursor(index ?? null, (plot.cursor.left ?? 0) / plot.over.clientWidth);
        },
      ],
    },
  };
}

/** Points of the cursor stand on means, not on the edges of bands. */
function isMean(series: uPlot.Series[]): uPlot.Cursor.Points.Show {
  return (plot, index) => {
    if (series[index]?.width === 0) return false as unknown as HTMLElement;
    const point = document.createElement("div");
    const { stroke } = series[index] ?? {};
    if (typeof stroke === "string") point.style.background = stroke;
    plot.over.append(point);
    return point;
  };
}

function withAlpha(color: string, alpha: number): string {
  return `${color}${Math.round(alpha * 255).toString(16).padStart(2, "0")}`;
}
