/** Queries about evaluations and their answers as queryOptions. */
import { infiniteQueryOptions, keepPreviousData, queryOptions } from "@tanstack/react-query";

import { client, unwrap } from "./client";
import type { Schemas } from "./client";
import { keys } from "./queries";

export type Evaluation = Schemas["EvaluationInfo"];
export type Answer = Schemas["Answer"];
export type Comparison = Schemas["Comparison"];
export type ComparedProblem = Schemas["ComparedProblem"];

export interface AnswerFilter {
  item?: string;
  correct?: boolean;
  reflective?: boolean;
  category?: string;
  difficulty?: string;
  search?: string;
}

const ANSWERS_PER_PAGE = 20;
/** The stream does not tell of evaluations and checkpoints: those of a run under way are asked for. */
const LIVE_MS = 10_000;

export const evaluationsQuery = (runId: string, isLive: boolean) =>
  queryOptions({
    queryKey: keys.evaluations(runId),
    queryFn: () => unwrap(client.GET("/api/v1/evaluations", { params: { query: { run: runId } } })),
    refetchInterval: isLive ? LIVE_MS : false,
  });

export const answersQuery = (evaluation: number, filter: AnswerFilter) =>
  infiniteQueryOptions({
    queryKey: ["answers", evaluation, filter],
    queryFn: ({ pageParam }) => {
      const query = { ...filter, limit: ANSWERS_PER_PAGE, ...(pageParam === null ? {} : { cursor: pageParam }) };
      return unwrap(
        client.GET("/api/v1/evaluations/{evaluation_id}/answers", { params: { path: { evaluation_id: evaluation }, query } }),
      );
    },
    initialPageParam: null as string | null,
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
  });

export const comparisonQuery = (a: number, b: number) =>
  queryOptions({
    queryKey: ["comparison", a, b],
    queryFn: () => unwrap(client.GET("/api/v1/evaluations/compare", { params: { query: { a, b } } })),
  });

export const checkpointsQuery = (runId: string, isLive: boolean) =>
  queryOptions({
    queryKey: keys.checkpoints(runId),
    queryFn: () => unwrap(client.GET("/api/v1/runs/{run_id}/checkpoints", { params: { path: { run_id: runId } } })),
    refetchInterval: isLive ? LIVE_MS : false,
  });
