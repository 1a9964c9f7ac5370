import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { catalogueQuery, metricsQuery, seriesQuery } from "@/api/queries";
import { EmptyState, ErrorState, Skeleton } from "@/components/States";

import { xOf } from "./chart-data";
import { buildChartGroups } from "./chart-list";
import { Chart } from "./Chart";
import type { ChartView } from "./Chart";
import { ChartsToolbar } from "./ChartsToolbar";
import { formatZoom, parseZoom } from "./charts-search";
import "./charts.css";

const route = getRouteApi("/shell/runs/$runId/");

export function ChartsTab() {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const metrics = useQuery(metricsQuery(runId));
  const catalogue = useQuery(catalogueQuery);
  const { data: steps } = useQuery(seriesQuery(runId, "training/accuracy"));
  const keys = metrics.data?.map((metric) => metric.key).join("\n");
  const groups = useMemo(
    () => buildChartGroups(catalogue.data ?? [], keys?.split("\n").filter(Boolean) ?? []),
    [catalogue.data, keys],
  );
  const failed = [metrics, catalogue].find((query) => query.isError && query.data === undefined);
  if (failed?.error) {
    return <ErrorState what="The charts could not be loaded" error={failed.error} onRetry={() => void failed.refetch()} />;
  }
  if (metrics.data === undefined || catalogue.data === undefined) {
    return (
      <div className="charts" role="status" aria-label="Loading charts">
        {Array.from({ length: 6 }, (_, index) => (
          <Skeleton key={index} height={252} />
        ))}
      </div>
    );
  }
  if (groups.length === 0) {
    return (
      <EmptyState title="No metric yet">
        <p>The first charts appear with the evaluation before training, the others with the first RL step.</p>
      </EmptyState>
    );
  }
  const axis = search.x ?? "step";
  const last = steps?.points.at(-1);
  const view: ChartView = {
    runId,
    axis,
    end: last === undefined ? null : xOf(last, axis),
    smoothing: search.smooth ?? 0,
    zoom: parseZoom(search.zoom),
    onZoom: (range) =>
      void navigate({ search: { ...search, zoom: range === null ? undefined : formatZoom(range) }, replace: true, resetScroll: false }),
    onStep: (step) => void navigate({ to: "/runs/$runId/responses", params: { runId }, search: { step } }),
  };
  return (
    <>
      <ChartsToolbar />
      {groups.map((group) => (
        <section key={group.name} aria-labelledby={`group-${group.name}`}>
          <h2 id={`group-${group.name}`} className="charts-group">
            {group.title}
          </h2>
          <div className="charts">
            {group.charts.map((chart) => (
              <Chart key={chart.key} spec={chart} view={view} />
            ))}
          </div>
        </section>
      ))}
    </>
  );
}
