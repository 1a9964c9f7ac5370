/** Queries about experiments as queryOptions. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { client, unwrap } from "./client";
import type { Schemas } from "./client";
import { keys } from "./queries";

export type ExperimentSummary = Schemas["ExperimentSummary"];
export type ExperimentDetail = Schemas["ExperimentDetail"];
export type ExperimentCell = Schemas["ExperimentCell"];
export type ExperimentSpec = Schemas["ExperimentSpec"];
export type Spread = Schemas["Report"]["spread"];

const EXPERIMENTS_PER_PAGE = 50;
/** The stream tells of runs, not of experiments: what is shown of these is asked for. */
const LIVE_MS = 4_000;
const REPORT_MS = 10_000;
const ENDED = ["succeeded", "failed", "cancelled"];

/** True once none of its runs can go on by itself. */
export function hasEnded({ runs_by_status: counts }: Pick<ExperimentSummary, "runs_by_status">): boolean {
  return Object.entries(counts).every(([status, count]) => ENDED.includes(status) || count === 0);
}

export const experimentsQuery = infiniteQueryOptions({
  queryKey: keys.experiments,
  queryFn: ({ pageParam }) => {
    const query = { limit: EXPERIMENTS_PER_PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) };
    return unwrap(client.GET("/api/v1/experiments", { params: { query } }));
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
  refetchInterval: (query) => {
    const pages = query.state.data?.pages ?? [];
    return pages.some((page) => page.experiments.some((entry) => !hasEnded(entry))) ? LIVE_MS : false;
  },
});

export const experimentQuery = (id: string) =>
  queryOptions({
    queryKey: keys.experiment(id),
    queryFn: () =>
      unwrap(client.GET("/api/v1/experiments/{experiment_id}", { params: { path: { experiment_id: id } } })),
    refetchInterval: (query) => (query.state.data !== undefined && hasEnded(query.state.data) ? false : LIVE_MS),
  });

export const reportQuery = (id: string, spread: Spread) =>
  queryOptions({
    queryKey: [...keys.report(id), spread],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/experiments/{experiment_id}/report", {
          params: { path: { experiment_id: id }, query: { spread } },
        }),
      ),
    placeholderData: keepPreviousData,
    refetchInterval: (query) => (query.state.data?.is_complete === true ? false : REPORT_MS),
  });

export const experimentPresetsQuery = queryOptions({
  queryKey: ["experiment-presets"],
  queryFn: () => unwrap(client.GET("/api/v1/presets/experiments")),
});

/** Address of an export of the report, for example `report.tex` or `figures/figure-4.svg`. */
export function exportUrl(id: string, name: string, spread: Spread): string {
  return `/api/v1/experiments/${id}/${name}?spread=${spread}`;
}
