export interface ReportSearch {
  /** Divide by n - 1 in place of n. */
  spread?: "sample";
  /** Leave out the curves that the paper published. */
  published?: "off";
  /** Write intervals into the table. */
  intervals?: "on";
}

/** The view of a report as it stands in the address. */
export function parseReportSearch(raw: Record<string, unknown>): ReportSearch {
  return {
    ...(raw.spread === "sample" ? { spread: "sample" } : {}),
    ...(raw.published === "off" ? { published: "off" } : {}),
    ...(raw.intervals === "on" ? { intervals: "on" } : {}),
  };
}
