/** Queries about workers and the queue as queryOptions. */
import { queryOptions } from "@tanstack/react-query";

import { client, unwrap } from "./client";
import type { Run, Schemas } from "./client";
import { keys } from "./queries";

export type Worker = Schemas["WorkerInfo"];

/** The stream tells of changes; a sign of life without one is only asked for. */
const SIGN_OF_LIFE_MS = 5_000;
const QUEUED_SHOWN = 100;

export const workersQuery = queryOptions({
  queryKey: keys.workers,
  queryFn: () => unwrap(client.GET("/api/v1/workers")),
  refetchInterval: SIGN_OF_LIFE_MS,
});

/** Runs that wait, in the order in which they are served. */
export const queueQuery = queryOptions({
  queryKey: keys.queue,
  queryFn: async () => {
    const query = { status: "queued", limit: QUEUED_SHOWN } as const;
    const page = await unwrap(client.GET("/api/v1/runs", { params: { query } }));
    return { runs: page.runs.toSorted(isServedFirst), isComplete: page.next_cursor === null };
  },
  refetchInterval: SIGN_OF_LIFE_MS,
});

function isServedFirst(a: Run, b: Run): number {
  return b.priority - a.priority || Date.parse(a.created_at) - Date.parse(b.created_at);
}

/** The server measures at most once a minute. */
const STORAGE_MS = 60_000;

export type Storage = Schemas["StorageInfo"];

export const storageQuery = queryOptions({
  queryKey: ["storage"],
  queryFn: () => unwrap(client.GET("/api/v1/storage")),
  refetchInterval: STORAGE_MS,
});
