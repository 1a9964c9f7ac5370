/** Series by key: many charts ask at once, one request goes out, live points are laid over it. */
import { client, unwrap } from "./client";
import { mergePoints, parsePoint, Recent } from "./live";
import type { LivePoint, Point } from "./live";

export interface Series {
  key: string;
  isDownsampled: boolean;
  points: Point[];
}

const MAX_POINTS = 2000;
const KEYS_PER_REQUEST = 20;

/** Points that the stream brought, by run. */
export const recentPoints = new Recent<{ runId: string; points: LivePoint[] }>();

interface Waiting {
  key: string;
  resolve: (series: Series) => void;
  reject: (reason: unknown) => void;
}

const waiting = new Map<string, Waiting[]>();

/** One series; requests of the same moment share a round trip. */
export function fetchSeries(runId: string, key: string): Promise<Series> {
  return new Promise((resolve, reject) => {
    const queue = waiting.get(runId);
    if (queue) {
      queue.push({ key, resolve, reject });
      return;
    }
    waiting.set(runId, [{ key, resolve, reject }]);
    setTimeout(() => flush(runId), 0);
  });
}

function flush(runId: string): void {
  const queue = waiting.get(runId) ?? [];
  waiting.delete(runId);
  for (let start = 0; start < queue.length; start += KEYS_PER_REQUEST) {
    const part = queue.slice(start, start + KEYS_PER_REQUEST);
    fetchMany(runId, [...new Set(part.map((entry) => entry.key))]).then(
      (found) => part.forEach((entry) => entry.resolve(found.get(entry.key) ?? emptySeries(entry.key))),
      (reason: unknown) => part.forEach((entry) => entry.reject(reason)),
    );
  }
}

async function fetchMany(runId: string, keys: string[]): Promise<Map<string, Series>> {
  const mark = recentPoints.mark();
  const fetched = await unwrap(
    client.GET("/api/v1/runs/{run_id}/series", {
      params: { path: { run_id: runId }, query: { keys, max_points: MAX_POINTS } },
    }),
  );
  const news = recentPoints
    .since(mark)
    .filter((event) => event.runId === runId)
    .flatMap((event) => event.points);
  const found = new Map(keys.map((key) => [key, emptySeries(key)]));
  for (const series of fetched) {
    const points = series.points.map(parsePoint);
    found.set(series.key, { key: series.key, isDownsampled: series.is_downsampled, points });
  }
  for (const [key, series] of found) {
    const live = news.filter((point) => point.key === key);
    if (live.length > 0) found.set(key, { ...series, points: mergePoints(series.points, live) });
  }
  return found;
}

function emptySeries(key: string): Series {
  return { key, isDownsampled: false, points: [] };
}

/** True when live points made a series so long that it should be down-sampled by the server again. */
export function isOverlong(series: Series): boolean {
  return series.points.length > 2 * MAX_POINTS;
}
