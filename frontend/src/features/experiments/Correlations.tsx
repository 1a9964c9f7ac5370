import type { Correlation } from "@/api/report";

import { EstimateText } from "./Findings";

const WIDTH = 160;

/** Does the length of responses go with reflection? Pearson's r and its interval. */
export function Correlations({ correlations }: { correlations: readonly Correlation[] }) {
  return (
    <div className="card table-scroll">
      <table className="list correlations" data-testid="correlations">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            <th scope="col">Model and data set</th>
            <th scope="col">r [95 % interval]</th>
            <th scope="col" aria-hidden="true">
              <span className="correlations-scale">
                <span>{"\u2212"}1</span>
                <span>0</span>
                <span>1</span>
              </span>
            </th>
            <th scope="col">Interval by</th>
          </tr>
        </thead>
        <tbody>
          {correlations.map((entry) => (
            <tr key={`${entry.model} ${entry.dataset} ${entry.setting}`}>
              <td className="list-name">{entry.setting}</td>
              <td className="mono">
                {entry.model} on {entry.dataset}
              </td>
              <td>{entry.r === null ? <span className="soft">not defined: one of the two does not vary</span> : <EstimateText estimate={entry.r} />}</td>
              <td>
                <Strip correlation={entry} />
              </td>
              <td className="soft">{entry.r === null ? "" : `${entry.r.method}, n=${entry.r.num_observations}`}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The interval between -1 and 1, with the estimate as a mark. */
function Strip({ correlation: { r } }: { correlation: Correlation }) {
  const at = (value: number) => ((value + 1) / 2) * WIDTH;
  return (
    <svg viewBox={`0 0 ${WIDTH} 16`} width={WIDTH} height={16} aria-hidden="true" className="strip">
      <path d={`M0 8 H${WIDTH} M${at(0)} 2 V14`} className="strip-axis" />
      {r === null ? null : (
        <>
          {r.low === null || r.high === null ? null : <path d={`M${at(r.low)} 8 H${at(r.high)}`} className="strip-interval" />}
          <circle cx={at(r.value)} cy={8} r={4} className="strip-mark" />
        </>
      )}
    </svg>
  );
}
