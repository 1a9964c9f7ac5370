import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { evaluationsQuery } from "@/api/evaluation-queries";
import type { Evaluation } from "@/api/evaluation-queries";
import { runQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatCount, formatInterval, formatPlural, formatShare, formatShareNumber } from "@/format";

import { AnswersView } from "./AnswersView";
import { CompareView } from "./CompareView";
import { evaluationText, layOutEvaluations } from "./evaluation-grid";
import { EvaluationTable } from "./EvaluationTable";
import "./evaluations.css";

const route = getRouteApi("/shell/runs/$runId/evaluations");
const ACTIVE = ["queued", "starting", "running", "cancelling"];

/** What the run's policy made of held-out problems: accuracies, single answers, comparisons. */
export function EvaluationsTab() {
  const { runId } = route.useParams();
  const { open } = route.useSearch();
  const { data: run } = useQuery(runQuery(runId));
  const query = useQuery(evaluationsQuery(runId, run !== undefined && ACTIVE.includes(run.status)));
  const evaluations = query.data;
  if (evaluations === undefined) {
    return query.isError ? (
      <ErrorState what="The evaluations could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading label="Loading the evaluations" rows={5} height={32} />
    );
  }
  if (evaluations.length === 0) {
    return (
      <EmptyState title="No evaluation yet">
        <p>Accuracies on validation and test appear here with every answer behind them, as soon as the first evaluation has begun.</p>
      </EmptyState>
    );
  }
  const opened = evaluations.find(({ id }) => id === open);
  return (
    <div className="evaluations">
      <EvaluationTable grid={layOutEvaluations(evaluations)} open={open} />
      {opened === undefined ? (
        <p className="soft">Open an accuracy to read the answers behind it and to compare it with another evaluation.</p>
      ) : (
        <Opened key={opened.id} evaluation={opened} siblings={evaluations} />
      )}
    </div>
  );
}

function Opened({ evaluation, siblings }: { evaluation: Evaluation; siblings: Evaluation[] }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const isComparing = search.view === "compare";
  const interval = { low: evaluation.accuracy_low, high: evaluation.accuracy_high };
  const show = (view: "compare" | undefined) =>
    void navigate({ search: { ...search, view }, replace: true, resetScroll: false });
  return (
    <section aria-labelledby="evaluation-open" className="evaluation-open" data-testid="evaluation-open">
      <div className="row evaluation-head">
        <h2 id="evaluation-open">{evaluationText(evaluation)}</h2>
        <span>
          <b>{formatShare(evaluation.accuracy)}</b>{" "}
          <span className="soft" title="Wilson's 95 % interval over problems">
            {formatInterval(interval, formatShareNumber)}
          </span>
        </span>
        <span className="soft">
          {formatCount(evaluation.num_solved)} of {formatPlural(evaluation.num_problems, "problem")} solved,{" "}
          {formatPlural(evaluation.num_answers, "answer")}, {formatCount(evaluation.mean_response_tokens)} tokens each
        </span>
        <span className="grow" />
        <div className="segments" role="group" aria-label="View">
          <button type="button" aria-pressed={!isComparing} onClick={() => show(undefined)}>
            Answers
          </button>
          <button type="button" aria-pressed={isComparing} onClick={() => show("compare")}>
            Compare
          </button>
        </div>
      </div>
      {isComparing ? <CompareView evaluation={evaluation} siblings={siblings} /> : <AnswersView evaluation={evaluation} />}
    </section>
  );
}
