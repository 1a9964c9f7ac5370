import { getRouteApi, Link } from "@tanstack/react-router";

import type { Evaluation } from "@/api/evaluation-queries";
import { capitalize, formatInterval, formatNumber, formatShareNumber } from "@/format";

import type { EvaluationGrid } from "./evaluation-grid";

const route = getRouteApi("/shell/runs/$runId/evaluations");

/** Accuracies with their intervals; each opens its answers. */
export function EvaluationTable({ grid, open }: { grid: EvaluationGrid; open: number | undefined }) {
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="card evaluation-table" tabIndex={0} role="region" aria-label="Evaluations">
      <table data-testid="evaluations-table">
        <thead>
          <tr>
            <th scope="col" rowSpan={2}>
              Epoch
            </th>
            <th scope="col" rowSpan={2} className="number">
              Step
            </th>
            {grid.splits.map(({ name, numColumns }) => (
              <th key={name} scope="colgroup" colSpan={numColumns} className="evaluation-split">
                {capitalize(name)}, %
              </th>
            ))}
          </tr>
          <tr>
            {grid.columns.map(({ key, decoding }) => (
              <th key={key} scope="col" className="number">
                {decoding}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {grid.lines.map(({ step, epoch, cells }) => (
            <tr key={step}>
              <td>{epoch === null ? "\u2013" : formatNumber(epoch)}</td>
              <td className="number soft">{step}</td>
              {grid.columns.map(({ key }) => (
                <td key={key} className="number">
                  <Cell evaluation={cells.get(key)} isOpen={cells.get(key)?.id === open} />
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cell({ evaluation, isOpen }: { evaluation: Evaluation | undefined; isOpen: boolean }) {
  const { runId } = route.useParams();
  const search = route.useSearch();
  if (evaluation === undefined) return <span className="soft">{"\u2013"}</span>;
  const interval = { low: evaluation.accuracy_low, high: evaluation.accuracy_high };
  return (
    <Link
      to="/runs/$runId/evaluations"
      params={{ runId }}
      search={{ ...search, open: evaluation.id, with: undefined }}
      resetScroll={false}
      className="evaluation-cell"
      data-open={isOpen}
      data-testid="evaluation-cell"
    >
      <b>{formatShareNumber(evaluation.accuracy)}</b> <span className="soft small">{formatInterval(interval, formatShareNumber)}</span>
    </Link>
  );
}
