import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";

import { comparisonQuery, evaluationsQuery } from "@/api/evaluation-queries";
import type { Evaluation } from "@/api/evaluation-queries";
import { runsQuery } from "@/api/queries";
import { EmptyState, ErrorState, Loading } from "@/components/States";

import { ComparisonView } from "./ComparisonView";
import { comparable, evaluationText } from "./evaluation-grid";

const route = getRouteApi("/shell/runs/$runId/evaluations");

/** The open evaluation against another one of the same problems, of this run or of another. */
export function CompareView({ evaluation, siblings }: { evaluation: Evaluation; siblings: Evaluation[] }) {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const [otherRun, setOtherRun] = useState(runId);
  const other = useQuery({ ...evaluationsQuery(otherRun, false), enabled: otherRun !== runId });
  const choices = comparable(otherRun === runId ? siblings : (other.data ?? []), evaluation);
  const chosen = search.with ?? choices[0]?.id;
  const isListed = choices.some(({ id }) => id === chosen);
  const choose = (id: number | undefined) =>
    void navigate({ search: { ...search, with: id }, replace: true, resetScroll: false });
  return (
    <>
      <div className="row answers-toolbar">
        <span>Compared with</span>
        <RunChoice
          dataset={evaluation.dataset}
          own={runId}
          value={otherRun}
          onChange={(id) => {
            setOtherRun(id);
            choose(undefined);
          }}
        />
        <select
          aria-label="Evaluation to compare with"
          value={chosen ?? ""}
          disabled={choices.length === 0 && chosen === undefined}
          onChange={(event) => choose(Number(event.target.value))}
        >
          {isListed || chosen === undefined ? null : <option value={chosen}>As in the address</option>}
          {choices.map((choice) => (
            <option key={choice.id} value={choice.id}>
              {evaluationText(choice)}
            </option>
          ))}
        </select>
      </div>
      {chosen === undefined ? (
        other.isFetching ? (
          <Loading label="Loading the other run's evaluations" rows={3} />
        ) : (
          <EmptyState title="Nothing to compare with">
            <p>There is no other evaluation of the same problems here yet. Choose another run, or wait for the next evaluation.</p>
          </EmptyState>
        )
      ) : (
        <Compared a={chosen} b={evaluation.id} />
      )}
    </>
  );
}

function Compared({ a, b }: { a: number; b: number }) {
  const query = useQuery(comparisonQuery(a, b));
  if (query.data !== undefined) return <ComparisonView comparison={query.data} />;
  return query.isError ? (
    <ErrorState what="The evaluations could not be compared" error={query.error} onRetry={() => void query.refetch()} />
  ) : (
    <Loading label="Comparing" rows={6} />
  );
}

interface RunChoiceProps {
  dataset: string;
  own: string;
  value: string;
  onChange: (id: string) => void;
}

/** This run, or another one on the same data set. */
function RunChoice({ dataset, own, value, onChange }: RunChoiceProps) {
  const { data } = useInfiniteQuery(runsQuery);
  const runs = data?.pages.flatMap((page) => page.runs).filter((run) => run.id !== own && run.dataset === dataset) ?? [];
  return (
    <select aria-label="Run to compare with" className="compare-run" value={value} onChange={(event) => onChange(event.target.value)}>
      <option value={own}>This run</option>
      {runs.map((run) => (
        <option key={run.id} value={run.id}>
          {run.name}
        </option>
      ))}
    </select>
  );
}
