import { useQueries } from "@tanstack/react-query";
import { useEffect, useMemo, useRef, useState } from "react";

import { seriesQuery } from "@/api/queries";
import { ErrorState, Skeleton } from "@/components/States";
import { formatValue } from "@/format";

import { alignSeries, lastFinite } from "./chart-data";
import type { ChartData } from "./chart-data";
import type { ChartSpec } from "./chart-list";
import { ChartTable } from "./ChartTable";
import type { XAxis } from "./charts-search";
import { seriesColor } from "./plot-options";
import { useInView } from "@/components/use-in-view";
import { usePlot } from "./use-plot";
import "uplot/dist/uPlot.min.css";

export interface ChartView {
  runId: string;
  axis: XAxis;
  smoothing: number;
  zoom: [number, number] | null;
  /** End of the x-axis that all charts share. */
  end: number | null;
  onZoom: (range: [number, number] | null) => void;
  onStep: (step: number) => void;
}

interface Props {
  spec: ChartSpec;
  view: ChartView;
}

/** One chart: it loads and draws once it comes into view. */
export function Chart({ spec, view }: Props) {
  const [ref, isSeen] = useInView<HTMLElement>();
  const [isTable, setIsTable] = useState(false);
  const { queries, data, pointSets } = useSeries(spec, view, isSeen);
  const failed = queries.find((query) => query.isError && query.data === undefined);
  const isLoaded = queries.every((query) => query.data !== undefined);
  const title = `${spec.metric.definition}\nSource: ${spec.metric.source}\nKey: ${spec.key}`;
  return (
    <figure
      ref={ref}
      className="card chart"
      data-testid="chart"
      data-key={spec.key}
      data-points={isLoaded ? pointSets.reduce((sum, points) => sum + points.length, 0) : undefined}
      data-last-step={isLoaded ? data.steps.at(-1) : undefined}
      aria-label={spec.title}
    >
      <figcaption className="chart-head">
        <h3 title={title}>{spec.title}</h3>
        {spec.metric.unit === "1" || spec.metric.unit === "reward" ? null : <span className="soft small">{unitName(spec.metric.unit)}</span>}
        <span className="grow" />
        <button
          type="button"
          className="button quiet small chart-tool"
          aria-pressed={isTable}
          onClick={() => setIsTable(!isTable)}
          aria-label={isTable ? `Show ${spec.title} as chart` : `Show ${spec.title} as table`}
        >
          {isTable ? "Chart" : "Table"}
        </button>
      </figcaption>
      {failed?.error ? (
        <ErrorState what="The series could not be loaded" error={failed.error} onRetry={() => void failed.refetch()} />
      ) : !isLoaded ? (
        <Skeleton height={204} />
      ) : isTable ? (
        <ChartTable spec={spec} data={data} pointSets={pointSets} axis={view.axis} onStep={view.onStep} />
      ) : (
        <Plot spec={spec} view={view} data={data} pointSets={pointSets} />
      )}
    </figure>
  );
}

type Points = ReturnType<typeof useSeries>["pointSets"];

function useSeries(spec: ChartSpec, view: ChartView, isSeen: boolean) {
  const queries = useQueries({
    queries: spec.series.map((series) => ({ ...seriesQuery(view.runId, series.key), enabled: isSeen })),
  });
  // Arrays of the cache change only when a point comes: they are what the drawing depends on.
  const pointSets = useStable(queries.map((query) => query.data?.points ?? EMPTY));
  const data = useMemo(
    () => alignSeries(pointSets, view.axis, view.smoothing),
    [pointSets, view.axis, view.smoothing],
  );
  return { queries, data, pointSets };
}

const EMPTY: never[] = [];

/** The same array as long as its members are the same. */
function useStable<T>(list: T[]): T[] {
  const [kept, setKept] = useState(list);
  const isSame = kept.length === list.length && kept.every((member, index) => member === list[index]);
  if (!isSame) setKept(list);
  return isSame ? kept : list;
}

function fullRange(xs: number[], end: number | null): [number, number] {
  const first = Math.min(0, xs[0] ?? 0);
  const last = Math.max(end ?? 0, xs.at(-1) ?? 0);
  return [first, last > first ? last : first + 1];
}

function unitName(unit: string): string {
  return unit === "share" ? "%" : unit;
}

function Plot({ spec, view, data, pointSets }: Props & { data: ChartData; pointSets: Points }) {
  const legend = useRef<HTMLDivElement>(null);
  const cursor = useRef<number | null>(null);
  const stride = view.smoothing > 0 ? 2 : 1;
  // The legend follows the cursor without rendering: all charts of a page move at once.
  const showAt = (index: number | null) => {
    const values = legend.current?.querySelectorAll<HTMLElement>("[data-value]") ?? [];
    values.forEach((element, position) => {
      const value = index === null ? undefined : data.columns[position * stride]?.[index];
      element.textContent =
        index === null
          ? (element.dataset.value ?? "")
          : value === undefined
            ? "\u2013"
            : formatValue(value ?? NaN, spec.metric.unit);
    });
    const step = index === null ? undefined : data.steps[index];
    const at = legend.current?.querySelector(".legend-step");
    if (at) at.textContent = step === undefined ? "" : `step ${step}`;
  };
  useEffect(() => showAt(cursor.current));
  const box = usePlot({
    spec,
    data,
    axis: view.axis,
    isSmoothed: view.smoothing > 0,
    range: view.zoom ?? fullRange(data.xs, view.end),
    syncKey: `${view.runId} ${view.axis}`,
    onCursor: (index) => {
      cursor.current = index;
      showAt(index);
    },
    onZoom: view.onZoom,
    onStep: view.onStep,
  });
  return (
    <>
      <div className="legend small" ref={legend}>
        {spec.series.map((series, index) => {
          const last = lastFinite(pointSets[index] ?? EMPTY);
          const text = last === null ? "\u2013" : formatValue(last, spec.metric.unit);
          return (
            <span key={series.key} className="legend-item" data-series-key={series.key} data-points={pointSets[index]?.length}>
              <svg viewBox="0 0 16 4" width="16" height="4" aria-hidden="true" style={{ color: `var(${seriesColor(series.color)})` }}>
                <path d="M0 2 H16" stroke="currentColor" strokeWidth="2.5" strokeDasharray={series.isDashed ? "4 3" : undefined} />
              </svg>
              {spec.series.length > 1 ? <span className="soft" title={series.label}>{series.shortLabel}</span> : null}
              <b data-value={text} key={text}>
                {text}
              </b>
            </span>
          );
        })}
        <span className="legend-step soft" />
      </div>
      <div ref={box} className="plot" aria-hidden="true" />
    </>
  );
}
