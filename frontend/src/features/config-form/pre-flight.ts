/** What a configuration will do, reckoned before it is submitted. */
import type { Json } from "./form-schema";
import { getAt } from "./form-value";

export interface PreFlight {
  stepsPerEpoch: number;
  rlSteps: number;
  responses: number;
  updates: number;
}

function wholeAt(config: Json, ...path: string[]): number | null {
  const value = Number(getAt(config, path));
  return Number.isInteger(value) && value > 0 ? value : null;
}

/** Steps, responses and updates of a run; null while a number is missing. */
export function reckon(config: Json, numTrainItems: number | null): PreFlight | null {
  if (getAt(config, ["kind"]) === "sft") return reckonUpdates(config, numTrainItems);
  const perStep = wholeAt(config, "algorithm", "responses_per_rl_step");
  const perUpdate = wholeAt(config, "algorithm", "responses_per_update");
  const passes = wholeAt(config, "algorithm", "passes_per_rl_step");
  const epochs = wholeAt(config, "epochs");
  if (numTrainItems === null || perStep === null || perUpdate === null || passes === null || epochs === null) return null;
  const stepsPerEpoch = Math.floor(numTrainItems / perStep);
  const rlSteps = stepsPerEpoch * epochs;
  return {
    stepsPerEpoch,
    rlSteps,
    responses: rlSteps * perStep,
    updates: rlSteps * Math.floor(perStep / perUpdate) * passes,
  };
}

/** Supervised fine-tuning: a step is one update. */
function reckonUpdates(config: Json, numTrainItems: number | null): PreFlight | null {
  const perUpdate = wholeAt(config, "supervised", "samples_per_update");
  const epochs = wholeAt(config, "epochs");
  if (numTrainItems === null || perUpdate === null || epochs === null) return null;
  const stepsPerEpoch = Math.floor(numTrainItems / perUpdate);
  const updates = stepsPerEpoch * epochs;
  return { stepsPerEpoch, rlSteps: updates, responses: 0, updates };
}
