import { formatAge, formatMoment } from "@/format";

import { useNow } from "./use-now";

/** How long ago, with the exact time as tool-tip. */
export function Age({ at, everyMs = 10_000 }: { at: string; everyMs?: number }) {
  const now = useNow(everyMs);
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAge(at, now)}
    </time>
  );
}
