import { ApiError } from "@/api/client";
import type { Schemas } from "@/api/client";
import { formatCount, formatPlural } from "@/format";

import type { JsonObject } from "./form-schema";
import { reckon } from "./pre-flight";

interface Props {
  config: JsonObject;
  datasets: Schemas["DatasetInfo"][];
  numChanged: number;
  isPending: boolean;
  error: Error | null;
  /** Problems shown at fields, and those that no field shows. */
  numRefused: number;
  rest: string[];
}

/** What the run will do, what is wrong with it, and the button that launches it. */
export function LaunchBar({ config, datasets, numChanged, isPending, error, numRefused, rest }: Props) {
  const dataset = datasets.find(({ slug }) => slug === config.dataset);
  const numItems = dataset?.splits.find(({ name }) => name === "train")?.num_items ?? null;
  const isSft = config.kind === "sft";
  const plan = reckon(config, numItems);
  return (
    <div className="launch-bar card">
      {error === null ? null : (
        <div className="field-problem launch-error" role="alert">
          {numRefused > 0 ? `Not launched: ${formatPlural(numRefused, "field")} refused, see above. ` : `${error.message} `}
          {error instanceof ApiError ? <code>{error.code}</code> : null}
          {rest.map((line) => (
            <div key={line}>{line}</div>
          ))}
        </div>
      )}
      <div className="launch-plan" data-testid="pre-flight" role="status">
        {dataset === undefined ? (
          <span className="launch-warning">Choose a data set that is imported.</span>
        ) : numItems === null ? (
          <span className="launch-warning">{dataset.title} has no train split.</span>
        ) : plan === null ? (
          <span className="launch-warning">A batch size or the number of epochs is not a whole number.</span>
        ) : plan.rlSteps === 0 ? (
          <span className="launch-warning">
            The train split has {formatPlural(numItems, "problem")}, fewer than one step needs. Lower{" "}
            {isSft ? "samples per update" : "responses per RL step"}.
          </span>
        ) : (
          <>
            <b>{formatPlural(plan.rlSteps, isSft ? "update" : "RL step")}</b>
            <span className="soft">
              {formatCount(plan.stepsPerEpoch)} per epoch of {formatPlural(numItems, "problem")}
            </span>
            {isSft ? null : (
              <>
                <span>{formatPlural(plan.responses, "response")}</span>
                <span>{formatPlural(plan.updates, "update")}</span>
              </>
            )}
          </>
        )}
        <span className="soft">{numChanged === 0 ? "as in the preset" : `${formatPlural(numChanged, "change")} to the preset`}</span>
      </div>
      <span className="grow" />
      <button type="submit" className="button primary" disabled={isPending}>
        {isPending ? "Launching" : "Launch run"}
        <kbd className="launch-key">Ctrl Enter</kbd>
      </button>
    </div>
  );
}
