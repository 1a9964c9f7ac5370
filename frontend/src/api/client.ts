/** The typed client of the REST API, and the one error that every call throws. */
import createClient from "openapi-fetch";

import type { components, paths } from "./schema.gen";

export type Schemas = components["schemas"];
export type Run = Schemas["RunSummary"];
export type RunDetail = Schemas["RunDetail"];
export type Sample = Schemas["Sample"];
export type Trajectory = Schemas["Trajectory"];
export type MetricKey = Schemas["MetricKey"];
export type Metric = Schemas["Metric"];
export type FieldProblem = Schemas["FieldProblem"];

/** A refusal or failure of the API, with its stable code. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly fields: FieldProblem[] = [],
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = "ApiError";
  }
}

export const client = createClient<paths>({ baseUrl: window.location.origin });

type Result<T> = { data?: T; error?: unknown; response: Response };

/** The body of a response, or an ApiError that says what failed. */
export async function unwrap<T>(call: Promise<Result<T>>): Promise<T> {
  let result: Result<T>;
  try {
    result = await call;
  } catch {
    throw new ApiError(0, "unreachable", "The server did not answer. It may be restarting.");
  }
  if (result.response.ok) return result.data as T;
  throw toApiError(result.response.status, result.error);
}

/** The error that a refusal's status and body tell. */
export function toApiError(status: number, body: unknown): ApiError {
  const problem = (typeof body === "object" && body !== null ? body : {}) as Partial<Schemas["Problem"]>;
  return new ApiError(
    status,
    problem.code ?? `http_${status}`,
    problem.detail ?? problem.title ?? `The server answered ${status}.`,
    problem.fields ?? [],
    problem.request_id ?? null,
  );
}

/** Address of a problem's picture. */
export function imageUrl(dataset: string, sha256: string): string {
  return `/api/v1/datasets/${encodeURIComponent(dataset)}/images/${sha256}`;
}
