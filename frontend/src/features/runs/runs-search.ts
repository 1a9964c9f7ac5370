import type { Run } from "@/api/client";

export const STATUSES = [
  "queued",
  "starting",
  "running",
  "cancelling",
  "succeeded",
  "failed",
  "cancelled",
] as const satisfies readonly Run["status"][];

export interface RunsSearch {
  q?: string;
  state?: Run["status"];
}

/** The run list's filter as it stands in the address. */
export function parseRunsSearch(raw: Record<string, unknown>): RunsSearch {
  const state = STATUSES.find((status) => status === raw.state);
  return {
    ...(typeof raw.q === "string" && raw.q !== "" ? { q: raw.q } : {}),
    ...(state === undefined ? {} : { state }),
  };
}

/** The log's search as it stands in the address. */
export function parseLogSearch(raw: Record<string, unknown>): { q?: string } {
  return typeof raw.q === "string" && raw.q !== "" ? { q: raw.q } : {};
}

/** Runs whose name, model, data set, seed, preset or state carries every word of the text. */
export function filterRuns(runs: Run[], search: RunsSearch): Run[] {
  const words = (search.q ?? "").toLowerCase().split(/\s+/).filter(Boolean);
  return runs.filter((run) => {
    if (search.state !== undefined && run.status !== search.state) return false;
    const text = `${run.name} ${run.model} ${run.origin?.dataset ?? run.dataset} ${run.preset ?? ""} ${run.status} seed ${run.seed}`;
    return words.every((word) => text.toLowerCase().includes(word));
  });
}
