import { getRouteApi } from "@tanstack/react-router";

import type { Schemas, Trajectory } from "@/api/client";
import { useShortcuts } from "@/components/use-shortcuts";
import { formatNumber } from "@/format";

import type { StepsSearch } from "./steps-search";

const route = getRouteApi("/shell/runs/$runId/steps");

interface Props {
  steps: Schemas["TracedStep"][];
  step: Schemas["TracedStep"];
  sample: number;
  trajectory: Trajectory | undefined;
}

/** Which step, which response, which update. `j` and `k` go through the responses. */
export function StepsToolbar({ steps, step, sample, trajectory }: Props) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: StepsSearch) => void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  const go = (to: Schemas["TracedStep"] | undefined) => {
    if (to === undefined) return;
    set({ step: to.rl_step, sample: to.indices.includes(sample) ? sample : to.indices[0], update: undefined });
  };
  const at = steps.indexOf(step);
  const place = step.indices.indexOf(sample);
  const move = (by: number) => {
    const next = step.indices[place + by];
    if (next !== undefined) set({ sample: next, update: undefined });
  };
  useShortcuts({ j: () => move(1), k: () => move(-1) });
  const updates = trajectory?.updates ?? [];
  const update = updates.find(({ index }) => index === search.update) ?? updates[0];
  return (
    <div className="row steps-toolbar" role="toolbar" aria-label="Traced step">
      <div className="row steps-picker">
        <button type="button" className="button" aria-label="Earlier traced step" disabled={at <= 0} onClick={() => go(steps[at - 1])}>
          {"\u2190"}
        </button>
        <label className="row">
          RL step
          <select value={step.rl_step} onChange={(event) => go(steps.find(({ rl_step }) => rl_step === Number(event.target.value)))}>
            {steps.toReversed().map(({ rl_step }) => (
              <option key={rl_step}>{rl_step}</option>
            ))}
          </select>
        </label>
        <button
          type="button"
          className="button"
          aria-label="Later traced step"
          disabled={at === steps.length - 1}
          onClick={() => go(steps[at + 1])}
        >
          {"\u2192"}
        </button>
      </div>
      <label className="row">
        Response
        <select value={sample} onChange={(event) => set({ sample: Number(event.target.value), update: undefined })} data-testid="sample-select">
          {step.indices.map((index) => (
            <option key={index}>{index}</option>
          ))}
        </select>
        <span className="soft">of {step.num_responses}</span>
      </label>
      {updates.length > 1 && update !== undefined ? (
        <label className="row">
          Update
          <select value={update.index} onChange={(event) => set({ update: Number(event.target.value) })}>
            {updates.map(({ index, pass_index: pass }) => (
              <option key={index} value={index}>
                {`pass ${pass + 1}, update ${index + 1}`}
              </option>
            ))}
          </select>
        </label>
      ) : null}
      <span className="grow" />
      {trajectory === undefined ? null : (
        <span className="soft" data-testid="step-loss" data-value={trajectory.loss}>
          loss of the step <b className="steps-strong">{formatNumber(trajectory.loss)}</b>
          {trajectory.num_updates === 1 ? "" : `, mean of ${trajectory.num_updates} updates`}
        </span>
      )}
    </div>
  );
}
