import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Fragment, useState } from "react";

import { presetsQuery, runQuery } from "@/api/queries";
import { copyText } from "@/components/copy-text";
import { formatPlural } from "@/format";

import { configRows, toYaml } from "./config-text";
import type { ConfigRow } from "./config-text";

const route = getRouteApi("/shell/runs/$runId/config");

export function ConfigTab() {
  const { runId } = route.useParams();
  const { data: run } = useQuery(runQuery(runId));
  const { data: presets } = useQuery(presetsQuery);
  const [isCopied, setIsCopied] = useState(false);
  if (run === undefined) return null;
  const rows = configRows(run.config);
  const preset = presets?.find((entry) => entry.slug === run.preset);
  const base = preset && new Map(configRows(preset.config).map((row) => [row.path.join("."), row.text]));
  const changed = base ? rows.filter((row) => base.get(row.path.join(".")) !== row.text) : [];
  const copy = async () => {
    await copyText(toYaml(run.config));
    setIsCopied(true);
    setTimeout(() => setIsCopied(false), 2000);
  };
  return (
    <>
      <div className="row" style={{ marginBottom: 8 }}>
        <span className="soft">
          {preset === undefined
            ? "Every setting of the run, defaults included."
            : changed.length === 0
              ? `The same as the preset ${preset.title}.`
              : `${formatPlural(changed.length, "setting")} changed from the preset ${preset.title}.`}
        </span>
        <span className="grow" />
        {run.preset === null ? null : (
          <Link to="/runs/new" search={{ preset: run.preset }} className="button">
            New run from this preset
          </Link>
        )}
        <button type="button" className="button" onClick={() => void copy()}>
          <span aria-live="polite">{isCopied ? "Copied" : "Copy as YAML"}</span>
        </button>
      </div>
      <div className="card">
        <table className="config-table" data-testid="config">
          <tbody>
            {rows.map((row, index) => (
              <Fragment key={row.path.join(".")}>
                {startsGroup(row, rows[index - 1]) ? (
                  <tr>
                    <th scope="rowgroup" colSpan={2}>
                      {row.path.length > 1 ? row.path.slice(0, -1).join(".") : "run"}
                    </th>
                  </tr>
                ) : null}
                <tr className={changed.includes(row) ? "config-changed" : ""}>
                  <th scope="row">{row.path.at(-1)}</th>
                  <td>
                    <span className="mono">{row.text}</span>
                    {changed.includes(row) ? (
                      <span className="soft small config-preset">preset: {base?.get(row.path.join(".")) ?? "absent"}</span>
                    ) : null}
                  </td>
                </tr>
              </Fragment>
            ))}
          </tbody>
        </table>
      </div>
    </>
  );
}

function startsGroup(row: ConfigRow, previous: ConfigRow | undefined): boolean {
  return previous === undefined || row.path.slice(0, -1).join(".") !== previous.path.slice(0, -1).join(".");
}
