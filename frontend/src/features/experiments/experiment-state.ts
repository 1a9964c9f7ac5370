/** An experiment's state out of those of its runs. */
import type { ExperimentSummary } from "@/api/experiment-queries";
import type { Status } from "@/components/StatusBadge";

type Counts = ExperimentSummary["runs_by_status"];

/** Runs in one state; a state that does not occur is left out of the counts. */
export function countOf(counts: Counts, status: Status): number {
  return counts[status] ?? 0;
}

/** What the experiment as a whole does: work that goes on comes before what has ended. */
export function stateOf(counts: Counts): Status {
  if (countOf(counts, "cancelling") > 0) return "cancelling";
  if (countOf(counts, "running") > 0) return "running";
  if (countOf(counts, "starting") > 0) return "starting";
  if (countOf(counts, "queued") > 0) return countOf(counts, "succeeded") > 0 ? "running" : "queued";
  if (countOf(counts, "failed") > 0) return "failed";
  return countOf(counts, "cancelled") > 0 ? "cancelled" : "succeeded";
}
