import { formatAge, formatMoment } from "@/format";

import { useNow } from "./use-now";

/** How long ago, with the exact time as tool-tip. */
export function Age({ at }: { at: string }) {
  const now = useNow(10_000);
  return (
    <time dateTime={at} title={formatMoment(at)}>
      {formatAge(at, now)}
    </time>
  );
}
