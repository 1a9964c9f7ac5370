import { getRouteApi } from "@tanstack/react-router";

import { SHOWS, SORTS } from "./responses-search";
import type { ResponsesSearch } from "./responses-search";

const route = getRouteApi("/shell/runs/$runId/responses");

interface Props {
  search: ResponsesSearch;
  steps: number[];
  step: number;
}

export function ResponsesToolbar({ search, steps, step }: Props) {
  const navigate = route.useNavigate();
  const set = (change: ResponsesSearch) =>
    void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  const at = steps.indexOf(step);
  const newest = steps.at(-1) ?? step;
  const earlier = at < 0 ? undefined : steps[at - 1];
  const later = at < 0 ? undefined : steps[at + 1];
  return (
    <div className="row responses-toolbar" role="toolbar" aria-label="Responses">
      <div className="row step-picker">
        <button type="button" className="button" aria-label="Earlier step" disabled={earlier === undefined} onClick={() => set({ step: earlier })}>
          {"\u2190"}
        </button>
        <label className="row">
          RL step
          <select value={step} onChange={(event) => set({ step: Number(event.target.value) })} data-testid="step-select">
            {at < 0 ? <option value={step}>{step}</option> : null}
            {steps.toReversed().map((entry) => (
              <option key={entry} value={entry}>
                {entry}
              </option>
            ))}
          </select>
        </label>
        <button type="button" className="button" aria-label="Later step" disabled={later === undefined} onClick={() => set({ step: later })}>
          {"\u2192"}
        </button>
        {newest > step ? (
          <button type="button" className="button" onClick={() => set({ step: newest })}>
            Newest: {newest}
          </button>
        ) : null}
      </div>
      <span className="grow" />
      <div className="segments" role="group" aria-label="Verdict">
        {SHOWS.map(({ value, label }) => (
          <button key={value} type="button" aria-pressed={(search.show ?? "all") === value} onClick={() => set({ show: value })}>
            {label}
          </button>
        ))}
      </div>
      <select
        aria-label="Sort responses"
        value={search.sort ?? "order"}
        onChange={(event) => set({ sort: SORTS.find(({ value }) => value === event.target.value)?.value })}
      >
        {SORTS.map(({ value, label }) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </div>
  );
}
