import { getRouteApi } from "@tanstack/react-router";

import { X_AXES } from "./charts-search";
import type { ChartsSearch } from "./charts-search";

const route = getRouteApi("/shell/runs/$runId/");
const DEFAULT_SMOOTHING = 0.8;

export function ChartsToolbar() {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: ChartsSearch) =>
    void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  const smoothing = search.smooth ?? 0;
  return (
    <div className="row charts-toolbar" role="toolbar" aria-label="Charts">
      <span className="soft small" id="x-axis-label">
        x-axis
      </span>
      <div className="segments" role="group" aria-labelledby="x-axis-label">
        {X_AXES.map(({ value, label }) => (
          <button
            key={value}
            type="button"
            aria-pressed={(search.x ?? "step") === value}
            onClick={() => set({ x: value === "step" ? undefined : value, zoom: undefined })}
          >
            {label}
          </button>
        ))}
      </div>
      <label className="row charts-smooth">
        <input
          type="checkbox"
          checked={smoothing > 0}
          onChange={(event) => set({ smooth: event.target.checked ? DEFAULT_SMOOTHING : undefined })}
        />
        Smooth
      </label>
      {smoothing > 0 ? (
        <input
          type="range"
          min={0.5}
          max={0.98}
          step={0.02}
          value={smoothing}
          aria-label="Smoothing weight"
          onChange={(event) => set({ smooth: Number(event.target.value) })}
        />
      ) : null}
      <span className="grow" />
      {search.zoom === undefined ? (
        <span className="soft small charts-hint">Drag to zoom, click a point for its responses</span>
      ) : (
        <button type="button" className="button small" onClick={() => set({ zoom: undefined })}>
          Reset zoom
        </button>
      )}
    </div>
  );
}
