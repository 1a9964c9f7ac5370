import type { Point } from "@/api/live";
import { formatNumber, formatValue, formatDuration } from "@/format";

import type { ChartData } from "./chart-data";
import type { ChartSpec } from "./chart-list";
import type { XAxis } from "./charts-search";

interface Props {
  spec: ChartSpec;
  data: ChartData;
  pointSets: readonly (readonly Point[])[];
  axis: XAxis;
  onStep: (step: number) => void;
}

/** The chart's numbers, newest first, for reading, copying and screen readers. */
export function ChartTable({ spec, data, pointSets, axis, onStep }: Props) {
  const maps = pointSets.map((points) => new Map(points.map((point) => [point.rl_step, point.value])));
  const rows = data.steps.map((step, index) => ({ step, x: data.xs[index] ?? 0 })).reverse();
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="chart-table" tabIndex={0} role="region" aria-label={`${spec.title} as table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">Step</th>
            {axis === "step" ? null : (
              <th scope="col" className="number">
                {axis === "epoch" ? "Epoch" : "Time"}
              </th>
            )}
            {spec.series.map((series) => (
              <th key={series.key} scope="col" className="number">
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ step, x }) => (
            <tr key={step}>
              <td>
                <button type="button" className="link" onClick={() => onStep(step)} title="Open the responses of this step">
                  {step}
                </button>
              </td>
              {axis === "step" ? null : <td className="number">{axis === "epoch" ? formatNumber(x) : formatDuration(x)}</td>}
              {maps.map((values, index) => {
                const value = values.get(step);
                return (
                  <td key={spec.series[index]?.key} className="number">
                    {value === undefined ? "" : formatValue(value, spec.metric.unit)}
                  </td>
                );
              })}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
