/** The priority of a run or an experiment as it is typed. */
import type { Json } from "./form-schema";

export const PRIORITY_HELP = "Queued runs of a higher priority start first, among equals the older one. Whole numbers, 0 is usual.";

/** A typed priority; what is none is sent as it is typed, and the server says so. */
export function typedPriority(text: string): Json {
  const trimmed = text.trim();
  if (trimmed === "") return 0;
  return Number.isFinite(Number(trimmed)) ? Number(trimmed) : trimmed;
}
