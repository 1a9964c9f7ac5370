import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useMemo } from "react";

import { exportUrl, reportQuery } from "@/api/experiment-queries";
import type { Spread } from "@/api/experiment-queries";
import type { Report } from "@/api/report";
import { ErrorState, Loading } from "@/components/States";

import { AccuracyTable } from "./AccuracyTable";
import { Completeness } from "./Completeness";
import { Correlations } from "./Correlations";
import { FigureView } from "./FigureView";
import { Findings } from "./Findings";
import { buildLooks } from "./panel-data";
import { ReportToolbar } from "./ReportToolbar";
import "./report.css";

const route = getRouteApi("/shell/experiments/$experimentId/");

export function ReportTab() {
  const { experimentId } = route.useParams();
  const { spread = "population" } = route.useSearch();
  const query = useQuery(reportQuery(experimentId, spread));
  if (query.data === undefined) {
    return query.isError ? (
      <ErrorState what="The report could not be made" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading label="Loading the report" rows={8} height={64} />
    );
  }
  return <ReportView report={query.data} spread={spread} />;
}

function ReportView({ report, spread }: { report: Report; spread: Spread }) {
  const { published, intervals } = route.useSearch();
  const looks = useMemo(() => buildLooks(report.figures), [report.figures]);
  const hasPublished = [...looks.keys()].some((key) => key.startsWith("published "));
  return (
    <div className="report" data-testid="report" data-complete={report.is_complete}>
      <Completeness report={report} />
      <ReportToolbar experimentId={report.experiment_id} spread={spread} hasPublished={hasPublished} />
      <Section title="Findings" note="The paper's claims, tested on this experiment's numbers.">
        {report.findings.length === 0 ? <p className="soft">No claim applies to these settings.</p> : <Findings findings={report.findings} />}
      </Section>
      <Section title="Accuracy" note="Mean over epochs and best epoch, averaged over seeds; the model before training beside them.">
        {report.table.length === 0 ? (
          <p className="soft">No evaluation has finished yet.</p>
        ) : (
          <AccuracyTable rows={report.table} hasIntervals={intervals === "on"} />
        )}
      </Section>
      {report.correlations.length === 0 ? null : (
        <Section title="Response length and reflection" note="Pearson's r of their means over RL steps.">
          <Correlations correlations={report.correlations} />
        </Section>
      )}
      <Section
        title="Figures"
        note={`Lines are means over seeds, bands one ${spread} standard deviation. Drag to zoom, double-click to see all.`}
      >
        {report.figures.map((figure) => (
          <FigureView
            key={figure.name}
            figure={figure}
            looks={looks}
            isPublishedShown={published !== "off"}
            exportUrl={(ending) => exportUrl(report.experiment_id, `figures/${figure.name}.${ending}`, spread)}
          />
        ))}
      </Section>
    </div>
  );
}

function Section({ title, note, children }: { title: string; note: string; children: React.ReactNode }) {
  return (
    <section className="report-section" aria-label={title}>
      <h2>
        {title} <span className="soft report-note">{note}</span>
      </h2>
      {children}
    </section>
  );
}
