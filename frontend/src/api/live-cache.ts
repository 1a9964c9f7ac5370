/** Writes what the stream says into the query cache. */
import type { InfiniteData, QueryClient } from "@tanstack/react-query";

import type { MetricKey, Run, RunDetail, Schemas } from "./client";
import { dropRun, mergeDetail, mergeKeys, mergePoints, mergeRun, parsePoint } from "./live";
import type { LivePoint } from "./live";
import { keys, LIVE_KEYS, recentRuns } from "./queries";
import { isOverlong, recentPoints } from "./series";
import type { Series } from "./series";

type RunPages = InfiniteData<Schemas["RunPage"], string | null>;

const LOG_EVERY_MS = 1000;
/** First parts of the keys of what changes when a run of an experiment does. */
const EXPERIMENT_KEYS = ["experiments", "experiment", "report"];
const statuses = new Map<string, Run["status"]>();
const logTimers = new Map<string, ReturnType<typeof setTimeout>>();

/** Apply one event of the stream. */
export function applyEvent(cache: QueryClient, kind: string, data: unknown): void {
  if (kind === "hello") refetchLive(cache);
  else if (kind === "worker") refetchWorkers(cache);
  else if (kind === "run") applyRun(cache, data as Run);
  else if (kind === "deleted") applyDeleted(cache, data as { run_id: string });
  else if (kind === "metrics") applyMetrics(cache, data as { run_id: string; points: LivePoint[] });
  else if (kind === "samples") applySamples(cache, data as { run_id: string; rl_step: number });
  else if (kind === "log") applyLog(cache, data as { run_id: string });
}

/** A stream that opens covers what comes after it; what was fetched before may be older. */
function refetchLive(cache: QueryClient): void {
  void cache.invalidateQueries({ predicate: (query) => LIVE_KEYS.includes(String(query.queryKey[0])) });
}

function applyRun(cache: QueryClient, run: Run): void {
  recentRuns.add(run);
  if (statuses.get(run.id) !== run.status) {
    statuses.set(run.id, run.status);
    refetchDependent(cache);
    // Its last evaluation and checkpoint come just before it ends.
    void cache.invalidateQueries({ queryKey: keys.evaluations(run.id) });
    void cache.invalidateQueries({ queryKey: keys.checkpoints(run.id) });
  }
  cache.setQueryData<RunPages>(keys.runs, (old) => old && { ...old, pages: mergeRun(old.pages, run) });
  cache.setQueryData<RunDetail>(keys.run(run.id), (old) => old && mergeDetail(old, run));
}

/** What a worker has decides what queued runs wait for. */
function refetchWorkers(cache: QueryClient): void {
  void cache.invalidateQueries({ queryKey: keys.workers });
  void cache.invalidateQueries({ queryKey: keys.queue });
  void cache.invalidateQueries({ predicate: isWaiting });
}

function isWaiting(query: { queryKey: readonly unknown[]; state: { data: unknown } }): boolean {
  return query.queryKey[0] === "run" && (query.state.data as RunDetail | undefined)?.status === "queued";
}

/** A page that shows the run learns from its next answer that there is none. */
function applyDeleted(cache: QueryClient, { run_id }: { run_id: string }): void {
  forgetRun(cache, run_id);
  void cache.invalidateQueries({ queryKey: keys.run(run_id) });
}

/** Leave nothing of a run that this tab has deleted; no page shows it any more. */
export function dropFromCache(cache: QueryClient, runId: string): void {
  cache.removeQueries({ predicate: ({ queryKey }) => queryKey[1] === runId });
  forgetRun(cache, runId);
}

function forgetRun(cache: QueryClient, runId: string): void {
  recentRuns.drop((run) => run.id === runId);
  statuses.delete(runId);
  cache.setQueryData<RunPages>(keys.runs, (old) => old && { ...old, pages: dropRun(old.pages, runId) });
  refetchDependent(cache);
}

/** When one run changes its state, those in the queue may wait for something else, and experiments say so. */
function refetchDependent(cache: QueryClient): void {
  const isOfExperiment = (query: { queryKey: readonly unknown[] }) => EXPERIMENT_KEYS.includes(String(query.queryKey[0]));
  void cache.invalidateQueries({ queryKey: keys.runs });
  refetchWorkers(cache);
  void cache.invalidateQueries({ predicate: isOfExperiment });
}

function applyMetrics(cache: QueryClient, event: { run_id: string; points: LivePoint[] }): void {
  const points = event.points.map(parsePoint);
  recentPoints.add({ runId: event.run_id, points });
  cache.setQueryData<MetricKey[]>(keys.metrics(event.run_id), (old) => old && mergeKeys(old, points));
  for (const [key, news] of Map.groupBy(points, (point) => point.key)) {
    const series = cache.setQueryData<Series>(
      keys.series(event.run_id, key),
      (old) => old && { ...old, points: mergePoints(old.points, news) },
    );
    if (series !== undefined && isOverlong(series)) {
      void cache.invalidateQueries({ queryKey: keys.series(event.run_id, key) });
    }
  }
}

/** A step more can be chosen; the page that someone reads stays as it is. */
function applySamples(cache: QueryClient, event: { run_id: string; rl_step: number }): void {
  const filter = { queryKey: keys.samples(event.run_id) };
  cache.setQueriesData<Schemas["SamplePage"]>(filter, (old) => {
    if (old === undefined || old.rl_steps.includes(event.rl_step)) return old;
    return { ...old, rl_steps: [...old.rl_steps, event.rl_step].sort((a, b) => a - b) };
  });
  void cache.invalidateQueries({ ...filter, predicate: isEmptyPage, refetchType: "active" });
  // A step's trace is written before its responses are announced.
  void cache.invalidateQueries({ queryKey: keys.traces(event.run_id), refetchType: "active" });
}

function isEmptyPage(query: { state: { data: unknown } }): boolean {
  const page = query.state.data as Schemas["SamplePage"] | undefined;
  return page === undefined || page.rl_step === null;
}

function applyLog(cache: QueryClient, event: { run_id: string }): void {
  if (logTimers.has(event.run_id)) return;
  const timer = setTimeout(() => {
    logTimers.delete(event.run_id);
    void cache.invalidateQueries({ queryKey: keys.log(event.run_id) });
  }, LOG_EVERY_MS);
  logTimers.set(event.run_id, timer);
}
