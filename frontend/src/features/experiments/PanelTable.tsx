import type { Panel } from "@/api/report";
import { formatNumber, formatValue } from "@/format";

import { unitOf } from "./panel-data";
import type { PanelData } from "./panel-data";

/** The numbers of a panel: mean and standard deviation by x. */
export function PanelTable({ panel, data }: { panel: Panel; data: PanelData }) {
  const unit = unitOf(panel);
  return (
    // A scrolling region must be reachable by keyboard.
    // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
    <div className="panel-table" tabIndex={0} role="region" aria-label={`${panel.title} as table`}>
      <table>
        <thead>
          <tr>
            <th scope="col">{panel.x_label}</th>
            {data.curves.map(({ series }) => (
              <th key={`${series.role} ${series.label}`} scope="col" className="number">
                {series.label}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {data.xs.map((x, index) => (
            <tr key={x}>
              <th scope="row">{formatNumber(x)}</th>
              {data.curves.map(({ series, mean, band }) => (
                <td key={`${series.role} ${series.label}`} className="number">
                  {meanText(mean[index], band?.high[index], unit)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function meanText(mean: number | null | undefined, high: number | null | undefined, unit: string): string {
  if (typeof mean !== "number") return "\u2013";
  if (typeof high !== "number") return formatValue(mean, unit);
  return `${formatValue(mean, unit)} \u00b1 ${formatValue(high - mean, unit)}`;
}
