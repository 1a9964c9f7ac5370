import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { experimentQuery } from "@/api/experiment-queries";

import { layOutRuns } from "./run-grid";
import type { GridLine } from "./run-grid";
import { RunCell } from "./RunCell";

const route = getRouteApi("/shell/experiments/$experimentId/runs");

/** The experiment's runs as a grid of settings and seeds. */
export function RunsTab() {
  const { experimentId } = route.useParams();
  const { data: experiment } = useQuery(experimentQuery(experimentId));
  if (experiment === undefined) return null;
  const { seeds, lines } = layOutRuns(experiment.cells, experiment.seeds);
  return (
    <div className="card list-card">
      <table className="list grid-runs" data-testid="run-grid">
        <thead>
          <tr>
            <th scope="col">Setting</th>
            {seeds.map((seed) => (
              <th key={seed} scope="col">
                Seed {seed}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {lines.map((line) => (
            <tr key={`${line.model} ${line.dataset} ${line.setting}`}>
              <th scope="row" className="grid-setting">
                <span className="list-name">{line.setting}</span>
                <span className="mono soft">
                  {line.model} on {line.dataset}
                </span>
              </th>
              <Cells line={line} seeds={seeds} experimentId={experimentId} />
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Cells({ line, seeds, experimentId }: { line: GridLine; seeds: number[]; experimentId: string }) {
  if (line.shared !== null) {
    return (
      <td colSpan={seeds.length}>
        <RunCell cell={line.shared} experimentId={experimentId} />
      </td>
    );
  }
  return seeds.map((seed) => {
    const cell = line.bySeed.get(seed);
    return (
      <td key={seed} data-label={`Seed ${seed}`}>
        {cell === undefined ? <span className="soft">{"\u2013"}</span> : <RunCell cell={cell} experimentId={experimentId} />}
      </td>
    );
  });
}
