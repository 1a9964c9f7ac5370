import type { Report } from "@/api/report";
import { formatPlural } from "@/format";

/** How much of the experiment the numbers rest on, and what a reader must know about them. */
export function Completeness({ report }: { report: Report }) {
  const numDone = report.runs.filter((run) => run.status === "succeeded").length;
  return (
    <>
      {report.is_complete ? null : (
        <p className="notice" data-kind="waits" data-testid="incomplete" role="status">
          <b>Not complete.</b> {numDone} of {formatPlural(report.runs.length, "run")} succeeded; what is missing is left open, and numbers
          may still change.
        </p>
      )}
      {report.warnings.length === 0 ? null : (
        <ul className="notice report-warnings" data-kind="waits" data-testid="report-warnings">
          {report.warnings.map((warning) => (
            <li key={warning}>{warning}</li>
          ))}
        </ul>
      )}
    </>
  );
}
