import { useState } from "react";

import type { Estimate, Report } from "@/api/report";
import { capitalize, formatGain, formatInterval, formatShare, formatShareNumber } from "@/format";

import { fullGain, layOut, statisticOf, tintOf } from "./accuracy-table";
import type { Group, Line, Statistic } from "./accuracy-table";

interface Cell {
  /** What the number is, in words. */
  what: string;
  estimate: Estimate | null;
  gain: number | null;
}

const STATISTICS: readonly { name: Statistic; label: string }[] = [
  { name: "mean", label: "mean" },
  { name: "maximum", label: "max" },
];

/** Accuracies against vanilla, in the paper's layout and with its tint. */
export function AccuracyTable({ rows, hasIntervals }: { rows: Report["table"]; hasIntervals: boolean }) {
  const [shown, setShown] = useState<Cell | null>(null);
  const { splits, settings, groups } = layOut(rows);
  const full = fullGain(rows);
  const columns = STATISTICS.flatMap((statistic) => settings.map((setting) => ({ setting, statistic })));
  const numbers = ({ dataset }: Group, line: Line, split: string): Cell[] => {
    const row = line.rows.get(split);
    const place = `${dataset}, ${split}, ${decodingText(line)}`;
    const trained = columns.map(({ setting, statistic }) => ({
      what: `${setting}, ${statistic.label} of epochs; ${place}`,
      ...statisticOf(row?.entries.find((entry) => entry.setting === setting), statistic.name),
    }));
    return [{ what: `vanilla; ${place}`, estimate: row?.vanilla ?? null, gain: null }, ...trained];
  };
  return (
    <>
      <div className="table-scroll">
        <table className="accuracies" data-testid="accuracy-table">
          <thead>
            <tr>
              <th scope="col" rowSpan={2} className="accuracies-decoding">
                Accuracy, %
              </th>
              {splits.map((split) => (
                <th key={split} scope="colgroup" colSpan={1 + columns.length} className="accuracies-split">
                  {capitalize(split)}
                </th>
              ))}
            </tr>
            <tr>
              {splits.map((split) => [
                <th key={split} scope="col" className="number accuracies-vanilla">
                  vanilla
                </th>,
                ...columns.map(({ setting, statistic }) => (
                  <th key={`${split} ${setting} ${statistic.name}`} scope="col" className="number">
                    {setting} <span className="accuracies-statistic">{statistic.label}</span>
                  </th>
                )),
              ])}
            </tr>
          </thead>
          {groups.map((group) => (
            <tbody key={`${group.model} ${group.dataset}`}>
              <tr>
                <th scope="rowgroup" colSpan={1 + splits.length * (1 + columns.length)} className="accuracies-group mono">
                  <span>
                    {group.model} on {group.dataset}
                  </span>
                </th>
              </tr>
              {group.lines.map((line) => (
                <tr key={decodingText(line)}>
                  <th scope="row" className="accuracies-decoding">
                    {decodingText(line)}
                  </th>
                  {splits.flatMap((split) =>
                    numbers(group, line, split).map((cell, index) => (
                      <NumberCell
                        key={`${split} ${index}`}
                        cell={cell}
                        full={full}
                        isFirst={index === 0}
                        hasInterval={hasIntervals}
                        onShow={setShown}
                      />
                    )),
                  )}
                </tr>
              ))}
            </tbody>
          ))}
        </table>
      </div>
      <p className="accuracies-detail" role="status" data-testid="accuracy-detail">
        {shown === null ? (
          <span className="soft">
            Point at a number, or move to it by keyboard, for its interval. Red is a gain over vanilla, green a loss; the deepest tint is{" "}
            {formatGain(full).replace(/^\+/, "\u00b1")}.
          </span>
        ) : (
          <Detail cell={shown} />
        )}
      </p>
    </>
  );
}

function decodingText({ k, temperature }: Line): string {
  return `pass@${k}, T=${temperature}`;
}

interface CellProps {
  cell: Cell;
  full: number;
  isFirst: boolean;
  hasInterval: boolean;
  onShow: (cell: Cell | null) => void;
}

function NumberCell({ cell, full, isFirst, hasInterval, onShow }: CellProps) {
  const { estimate, gain } = cell;
  const tint = tintOf(gain, full);
  return (
    <td
      className={isFirst ? "number accuracies-vanilla" : "number"}
      data-tint={tint.direction}
      style={{ "--depth": tint.depth } as React.CSSProperties}
    >
      {estimate === null ? (
        <span className="soft" title={`${cell.what}: not measured`}>
          {"\u2013"}
        </span>
      ) : (
        <button
          type="button"
          className="accuracies-number"
          onMouseEnter={() => onShow(cell)}
          onMouseLeave={() => onShow(null)}
          onFocus={() => onShow(cell)}
          onBlur={() => onShow(null)}
        >
          <b>{formatShareNumber(estimate.value)}</b>
          {hasInterval ? <span className="accuracies-small">{formatInterval(estimate, formatShareNumber)}</span> : null}
          {gain === null ? null : <span className="accuracies-small">{formatGain(gain)}</span>}
        </button>
      )}
    </td>
  );
}

function Detail({ cell: { what, estimate, gain } }: { cell: Cell }) {
  if (estimate === null) return null;
  return (
    <>
      <b>{formatShare(estimate.value)}</b>{" "}
      {estimate.low === null ? "without an interval" : `95 % interval ${formatInterval(estimate, formatShareNumber)}`}
      {gain === null ? "" : `, ${formatGain(gain)} against vanilla`}{" "}
      <span className="soft">
        {what}. {estimate.method}, n={estimate.num_observations}.
      </span>
    </>
  );
}
