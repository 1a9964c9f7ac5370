import { getRouteApi } from "@tanstack/react-router";

import { exportUrl } from "@/api/experiment-queries";
import type { Spread } from "@/api/experiment-queries";

import type { ReportSearch } from "./experiments-search";

const route = getRouteApi("/shell/experiments/$experimentId/");

const DOWNLOADS = [
  { name: "report.tex", label: "LaTeX", title: "The table for LaTeX (booktabs), compiles as it is" },
  { name: "report.csv", label: "CSV", title: "The table with its intervals" },
  { name: "report-curves.csv", label: "Curves CSV", title: "All curves of the figures" },
  { name: "report.json", label: "JSON", title: "All numbers of this page" },
] as const;

interface Props {
  experimentId: string;
  spread: Spread;
  hasPublished: boolean;
}

export function ReportToolbar({ experimentId, spread, hasPublished }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: ReportSearch) => void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  return (
    <div className="row report-toolbar" role="toolbar" aria-label="Report">
      <div className="segments" role="group" aria-label="Standard deviation of the bands">
        <button
          type="button"
          aria-pressed={spread === "population"}
          title="Divided by the number of seeds, as in the paper's figures"
          onClick={() => set({ spread: undefined })}
        >
          Population std
        </button>
        <button
          type="button"
          aria-pressed={spread === "sample"}
          title="Divided by the number of seeds less one"
          onClick={() => set({ spread: "sample" })}
        >
          Sample std
        </button>
      </div>
      <label className="row">
        <input
          type="checkbox"
          checked={search.intervals === "on"}
          onChange={(event) => set({ intervals: event.target.checked ? "on" : undefined })}
        />
        Intervals in the table
      </label>
      {hasPublished ? (
        <label className="row">
          <input
            type="checkbox"
            checked={search.published !== "off"}
            onChange={(event) => set({ published: event.target.checked ? undefined : "off" })}
          />
          Published curves
        </label>
      ) : null}
      <span className="grow" />
      <span className="soft">Download</span>
      {DOWNLOADS.map(({ name, label, title }) => (
        <a key={name} className="button small" href={exportUrl(experimentId, name, spread)} download={name} title={title}>
          {label}
        </a>
      ))}
    </div>
  );
}
