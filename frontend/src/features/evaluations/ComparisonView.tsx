import { getRouteApi, Link } from "@tanstack/react-router";

import { imageUrl } from "@/api/client";
import type { ComparedProblem, Comparison, Evaluation } from "@/api/evaluation-queries";
import { Picture } from "@/components/Picture";
import { formatCount, formatInterval, formatNumber, formatPlural, formatPoints, formatShare } from "@/format";

import { evaluationText } from "./evaluation-grid";
import { GroupTable } from "./GroupTable";

const route = getRouteApi("/shell/runs/$runId/evaluations");
const SIGNIFICANT = 0.05;

/** What the open evaluation (b) gained and lost against the other (a). */
export function ComparisonView({ comparison }: { comparison: Comparison }) {
  const { a, b, difference, difference_low: low, difference_high: high, p_value: p } = comparison;
  const isOtherRun = a.run_id !== b.run_id;
  return (
    <div className="comparison" data-testid="comparison">
      <dl className="facts">
        <Fact label="Difference in accuracy">
          <b>{formatPoints(difference)}</b> <span className="soft">{formatInterval({ low, high }, formatPoints)} points</span>
        </Fact>
        <Fact label="McNemar's test">
          <span title="Two-sided, exact: gains and losses are equally likely">p {p < 1e-4 ? "< 0.0001" : `= ${formatNumber(p, 2)}`}</span>{" "}
          <span className="soft">{p < SIGNIFICANT ? "not by chance alone (p < 0.05)" : "could be chance"}</span>
        </Fact>
        <Fact label="Gained">
          <span className="gained">+{formatCount(comparison.gained.length)}</span>
        </Fact>
        <Fact label="Lost">
          <span className="lost">
            {"\u2212"}
            {formatCount(comparison.lost.length)}
          </span>
        </Fact>
        <Fact label="Solved">
          {formatCount(comparison.num_solved_b)} here, {formatCount(comparison.num_solved_a)} there, of{" "}
          {formatPlural(comparison.num_problems, "problem")}
        </Fact>
      </dl>
      <p className="soft">
        Here: {evaluationText(b)} ({formatShare(b.accuracy)}). There: {evaluationText(a)} ({formatShare(a.accuracy)})
        {isOtherRun ? (
          <>
            {" of "}
            <Link to="/runs/$runId/evaluations" params={{ runId: a.run_id }} search={{ open: a.id }}>
              another run
            </Link>
          </>
        ) : null}
        . {leftOut(comparison)}
      </p>
      <div className="comparison-groups">
        <GroupTable title="Category" groups={comparison.by_category} />
        <GroupTable title="Difficulty" groups={comparison.by_difficulty} />
      </div>
      <div className="comparison-problems">
        <Problems title="Gained: solved here, not there" problems={comparison.gained} evaluation={b} kind="gained" />
        <Problems title="Lost: solved there, not here" problems={comparison.lost} evaluation={b} kind="lost" />
      </div>
    </div>
  );
}

function Fact({ label, children }: { label: string; children: React.ReactNode }) {
  return (
    <div>
      <dt>{label}</dt>
      <dd>{children}</dd>
    </div>
  );
}

function leftOut({ num_only_a: there, num_only_b: here }: Comparison): string {
  if (there + here === 0) return "Both answered the same problems.";
  return `Left out: ${formatPlural(here, "problem")} that only this one and ${formatPlural(there, "problem")} that only the other has answered.`;
}

interface ProblemsProps {
  title: string;
  problems: ComparedProblem[];
  evaluation: Evaluation;
  kind: "gained" | "lost";
}

/** Each leads to the answers that the open evaluation gave. */
function Problems({ title, problems, evaluation, kind }: ProblemsProps) {
  const { runId } = route.useParams();
  return (
    <section aria-label={title}>
      <h3>
        {title} <span className={kind}>{problems.length}</span>
      </h3>
      {problems.length === 0 ? <p className="soft">None.</p> : null}
      <ul className="compared" data-testid={kind}>
        {problems.map((problem) => (
          <li key={problem.item_id} className="card compared-problem">
            {problem.image_sha256 === null ? null : (
              <Picture src={imageUrl(evaluation.dataset, problem.image_sha256)} alt={`Picture of problem ${problem.item_id}`} />
            )}
            <div>
              <p className="response-question">{problem.question}</p>
              <p className="soft small">
                <Link to="/runs/$runId/evaluations" params={{ runId }} search={{ open: evaluation.id, item: problem.item_id }}>
                  {problem.item_id}
                </Link>
                {problem.category === null ? "" : `, ${problem.category}`}
                {problem.difficulty === null ? "" : `, difficulty ${problem.difficulty}`}
              </p>
            </div>
          </li>
        ))}
      </ul>
    </section>
  );
}
