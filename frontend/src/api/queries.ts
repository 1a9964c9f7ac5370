/** Every query of the dashboard as queryOptions, with its key. */
import { infiniteQueryOptions, queryOptions } from "@tanstack/react-query";

import { client, unwrap } from "./client";
import type { Run } from "./client";
import { mergeDetail, mergeKeys, mergeRun, Recent } from "./live";
import { fetchSeries, recentPoints } from "./series";

const RUNS_PER_PAGE = 100;
const ITEMS_PER_PAGE = 24;
/** Why a run waits changes with time alone, for example when a worker is not heard of any more. */
const WAITING_MS = 10_000;
const MAX_SAMPLES = 1000;
const MAX_LOG_BYTES = 262_144;

/** Run summaries that the stream brought, for fetches that were under way. */
export const recentRuns = new Recent<Run>();

export const keys = {
  session: ["session"],
  runs: ["runs"],
  run: (id: string) => ["run", id],
  metrics: (id: string) => ["metrics", id],
  series: (id: string, key: string) => ["series", id, key],
  samples: (id: string) => ["samples", id],
  events: (id: string) => ["events", id],
  log: (id: string) => ["log", id],
  checkpoints: (id: string) => ["checkpoints", id],
  traces: (id: string) => ["traces", id],
  evaluations: (id: string) => ["evaluations", id],
  experiments: ["experiments"],
  experiment: (id: string) => ["experiment", id],
  report: (id: string) => ["report", id],
  workers: ["workers"],
  queue: ["queue"],
} as const;

/** First parts of the keys whose content the stream keeps up to date. */
export const LIVE_KEYS: readonly string[] = [
  "runs",
  "run",
  "metrics",
  "series",
  "samples",
  "log",
  "checkpoints",
  "traces",
  "workers",
  "queue",
];

export const sessionQuery = queryOptions({
  queryKey: keys.session,
  queryFn: () => unwrap(client.GET("/api/v1/session")),
});

/** A run's history; the stream does not tell it, so it is asked for while it is shown. */
export const eventsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.events(id),
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}/events", { params: { path: { run_id: id } } })),
    refetchInterval: WAITING_MS,
  });

export const runsQuery = infiniteQueryOptions({
  queryKey: keys.runs,
  queryFn: async ({ pageParam }) => {
    const mark = recentRuns.mark();
    const query = { limit: RUNS_PER_PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) };
    const page = await unwrap(client.GET("/api/v1/runs", { params: { query } }));
    const isFirst = pageParam === null;
    const known = new Set(page.runs.map((run) => run.id));
    const news = recentRuns.since(mark).filter((run) => isFirst || known.has(run.id));
    return news.reduce((merged, run) => mergeRun([merged], run)[0] ?? merged, page);
  },
  initialPageParam: null as string | null,
  getNextPageParam: (page) => page.next_cursor,
  refetchInterval: (query) => {
    const runs = query.state.data?.pages.flatMap((page) => page.runs) ?? [];
    return runs.some((run) => run.status === "queued") ? WAITING_MS : false;
  },
});

export const runQuery = (id: string) =>
  queryOptions({
    queryKey: keys.run(id),
    queryFn: async () => {
      const mark = recentRuns.mark();
      const detail = await unwrap(client.GET("/api/v1/runs/{run_id}", { params: { path: { run_id: id } } }));
      return recentRuns
        .since(mark)
        .filter((run) => run.id === id)
        .reduce(mergeDetail, detail);
    },
    refetchInterval: (query) => (query.state.data?.status === "queued" ? WAITING_MS : false),
  });

export const metricsQuery = (id: string) =>
  queryOptions({
    queryKey: keys.metrics(id),
    queryFn: async () => {
      const mark = recentPoints.mark();
      const metrics = await unwrap(client.GET("/api/v1/runs/{run_id}/metrics", { params: { path: { run_id: id } } }));
      return recentPoints
        .since(mark)
        .filter((event) => event.runId === id)
        .reduce((merged, event) => mergeKeys(merged, event.points), metrics);
    },
  });

export const seriesQuery = (id: string, key: string) =>
  queryOptions({
    queryKey: keys.series(id, key),
    queryFn: () => fetchSeries(id, key),
    structuralSharing: false,
  });

export const samplesQuery = (id: string, step: number | undefined) =>
  queryOptions({
    queryKey: [...keys.samples(id), step ?? "newest"],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/runs/{run_id}/samples", {
          params: { path: { run_id: id }, query: { limit: MAX_SAMPLES, ...(step === undefined ? {} : { step }) } },
        }),
      ),
  });

export const tracesQuery = (id: string) =>
  queryOptions({
    queryKey: keys.traces(id),
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}/trajectories", { params: { path: { run_id: id } } })),
  });

export const trajectoryQuery = (id: string, step: number, index: number) =>
  queryOptions({
    queryKey: ["trajectory", id, step, index],
    queryFn: () =>
      unwrap(
        client.GET("/api/v1/runs/{run_id}/trajectories/{rl_step}/{index}", {
          params: { path: { run_id: id, rl_step: step, index } },
        }),
      ),
    ...STEADY,
  });

export const logQuery = (id: string) =>
  queryOptions({
    queryKey: keys.log(id),
    queryFn: () => unwrap(
        client.GET("/api/v1/runs/{run_id}/log", {
          params: { path: { run_id: id }, query: { max_bytes: MAX_LOG_BYTES } },
        }),
      ),
  });

const STEADY = { staleTime: 5 * 60_000 };

export const catalogueQuery = queryOptions({
  queryKey: ["metric-catalogue"],
  queryFn: () => unwrap(client.GET("/api/v1/metric-catalogue")),
  ...STEADY,
});

/** The form of a kind of run. */
export const schemaQuery = (kind: "rl" | "sft") =>
  queryOptions({
    queryKey: ["schemas", "run-config", kind],
    queryFn: () => unwrap(client.GET("/api/v1/schemas/run-config", { params: { query: { kind } } })),
    ...STEADY,
  });

export const presetsQuery = queryOptions({
  queryKey: ["presets"],
  queryFn: () => unwrap(client.GET("/api/v1/presets")),
});

export const modelsQuery = queryOptions({
  queryKey: ["models"],
  queryFn: () => unwrap(client.GET("/api/v1/models")),
});

export const datasetsQuery = queryOptions({
  queryKey: ["datasets"],
  queryFn: () => unwrap(client.GET("/api/v1/datasets")),
});

type Split = "train" | "validation" | "test";

export const itemsQuery = (slug: string, split: string) =>
  infiniteQueryOptions({
    queryKey: ["datasets", slug, "items", split],
    queryFn: ({ pageParam }) =>
      unwrap(
        client.GET("/api/v1/datasets/{slug}/items", {
          params: {
            path: { slug },
            query: { split: split as Split, limit: ITEMS_PER_PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) },
          },
        }),
      ),
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    ...STEADY,
  });
