import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { experimentQuery } from "@/api/experiment-queries";
import { EmptyState } from "@/components/States";

const route = getRouteApi("/shell/experiments/$experimentId/settings");

/** Where the settings' configurations differ, and what was asked for. */
export function SettingsTab() {
  const { experimentId } = route.useParams();
  const { data: experiment } = useQuery(experimentQuery(experimentId));
  if (experiment === undefined) return null;
  const { settings } = experiment.spec;
  return (
    <div className="report">
      <section className="report-section" aria-label="Differences">
        <h2>
          Differences <span className="soft report-note">Fields in which the settings' configurations differ; a setting without the field has a dash.</span>
        </h2>
        {experiment.differences.length === 0 ? (
          <EmptyState title="The settings' configurations do not differ">
            <p>With one setting, or the same one twice, there is nothing to set apart.</p>
          </EmptyState>
        ) : (
          <div className="card list-card">
            <table className="list differences" data-testid="differences">
              <thead>
                <tr>
                  <th scope="col">Field</th>
                  {settings.map(({ name }) => (
                    <th key={name} scope="col">
                      {name}
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {experiment.differences.map(({ path, values }) => (
                  <tr key={path}>
                    <th scope="row" className="mono">
                      {path}
                    </th>
                    {settings.map(({ name }) => (
                      <td key={name} className="mono">
                        {name in values ? JSON.stringify(values[name]) : <span className="soft">{"\u2013"}</span>}
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </section>
      <section className="report-section" aria-label="As asked for">
        <h2>
          As asked for <span className="soft report-note">What each setting sets; all else stands at its default.</span>
        </h2>
        {settings.map(({ name, kind, config }) => (
          <details key={name} className="card asked-config">
            <summary>
              <b>{name}</b> <span className="tag">{kind}</span>
            </summary>
            <pre className="mono">{JSON.stringify(config ?? {}, null, 2)}</pre>
          </details>
        ))}
      </section>
    </div>
  );
}
