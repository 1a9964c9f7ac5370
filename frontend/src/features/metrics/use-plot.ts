import { useEffect, useRef } from "react";
import uPlot from "uplot";

import { useTheme } from "@/components/theme";

import type { ChartData } from "./chart-data";
import type { ChartSpec } from "./chart-list";
import type { XAxis } from "./charts-search";
import { plotOptions } from "./plot-options";

const CLICK_TRAVEL_PX = 4;

interface Wanted {
  spec: ChartSpec;
  data: ChartData;
  axis: XAxis;
  isSmoothed: boolean;
  range: [number, number];
  syncKey: string;
  onCursor: (index: number | null) => void;
  onZoom: (range: [number, number] | null) => void;
  onStep: (step: number) => void;
}

/** Keep a uPlot in the element: made anew when its look changes, fed when only its data does. */
export function usePlot(wanted: Wanted): React.RefObject<HTMLDivElement | null> {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const latest = useRef(wanted);
  const theme = useTheme();
  useEffect(() => {
    latest.current = wanted;
  });
  const look = JSON.stringify([theme, wanted.axis, wanted.isSmoothed, wanted.spec]);

  useEffect(() => {
    const element = box.current;
    if (element === null) return;
    const { spec, axis, isSmoothed, syncKey, data, range } = latest.current;
    const made = new uPlot(
      plotOptions({
        spec,
        axis,
        isSmoothed,
        syncKey,
        size: sizeOf(element),
        onCursor: (index) => latest.current.onCursor(index),
        onZoom: (range) => latest.current.onZoom(range),
      }),
      undefined,
      element,
    );
    plot.current = made;
    draw(made, data, range);
    const stopListening = listen(made, latest);
    const observer = new ResizeObserver(() => made.setSize(sizeOf(element)));
    observer.observe(element);
    return () => {
      observer.disconnect();
      stopListening();
      made.destroy();
      plot.current = null;
    };
  }, [look]);

  const { data } = wanted;
  const [from, to] = wanted.range;
  useEffect(() => {
    if (plot.current !== null) draw(plot.current, data, [from, to]);
  }, [data, from, to]);
  return box;
}

function sizeOf(element: HTMLElement): { width: number; height: number } {
  return { width: element.clientWidth, height: element.clientHeight };
}

function draw(plot: uPlot, data: ChartData, [min, max]: [number, number]): void {
  plot.batch(() => {
    plot.setData([data.xs, ...data.columns], false);
    plot.setScale("x", { min, max });
  });
}

/** A click without travel opens the step under the cursor; a double click shows everything again. */
function listen(plot: uPlot, latest: React.RefObject<Wanted>): () => void {
  let downAt = { x: 0, y: 0 };
  let timer: ReturnType<typeof setTimeout> | undefined;
  const onDown = (event: MouseEvent) => {
    downAt = { x: event.clientX, y: event.clientY };
  };
  const onClick = (event: MouseEvent) => {
    if (Math.hypot(event.clientX - downAt.x, event.clientY - downAt.y) > CLICK_TRAVEL_PX) return;
    const step = latest.current.data.steps[plot.cursor.idx ?? -1];
    clearTimeout(timer);
    // A second click may follow: then it is a double click, and no step was meant.
    if (step !== undefined) timer = setTimeout(() => latest.current.onStep(step), 220);
  };
  const onDoubleClick = () => {
    clearTimeout(timer);
    latest.current.onZoom(null);
  };
  plot.over.addEventListener("mousedown", onDown);
  plot.over.addEventListener("click", onClick);
  plot.over.addEventListener("dblclick", onDoubleClick);
  return () => {
    clearTimeout(timer);
    plot.over.removeEventListener("mousedown", onDown);
    plot.over.removeEventListener("click", onClick);
    plot.over.removeEventListener("dblclick", onDoubleClick);
  };
}
