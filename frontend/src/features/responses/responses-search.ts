import type { Sample } from "@/api/client";

export const SORTS = [
  { value: "order", label: "Order in the batch" },
  { value: "reward-down", label: "Highest reward" },
  { value: "reward-up", label: "Lowest reward" },
  { value: "length-down", label: "Longest" },
  { value: "length-up", label: "Shortest" },
] as const;
export const SHOWS = [
  { value: "all", label: "All" },
  { value: "right", label: "Right" },
  { value: "wrong", label: "Wrong" },
] as const;

type Sort = (typeof SORTS)[number]["value"];
type Show = (typeof SHOWS)[number]["value"];

export interface ResponsesSearch {
  step?: number;
  sort?: Sort;
  show?: Show;
}

/** Which responses are shown and how, as it stands in the address. */
export function parseResponsesSearch(raw: Record<string, unknown>): ResponsesSearch {
  const sort = SORTS.find(({ value }) => value === raw.sort)?.value;
  const show = SHOWS.find(({ value }) => value === raw.show)?.value;
  const step = raw.step === undefined ? NaN : Number(raw.step);
  return {
    ...(Number.isInteger(step) && step >= 0 ? { step } : {}),
    ...(sort === undefined || sort === "order" ? {} : { sort }),
    ...(show === undefined || show === "all" ? {} : { show }),
  };
}

const ORDERS: Record<Sort, (a: Sample, b: Sample) => number> = {
  order: (a, b) => a.index - b.index,
  "reward-down": (a, b) => b.outcome_reward - a.outcome_reward,
  "reward-up": (a, b) => a.outcome_reward - b.outcome_reward,
  "length-down": (a, b) => b.num_response_tokens - a.num_response_tokens,
  "length-up": (a, b) => a.num_response_tokens - b.num_response_tokens,
};

/** The samples that the address asks for, in its order; equals stay in the order of the batch. */
export function selectSamples(samples: Sample[], { sort = "order", show = "all" }: ResponsesSearch): Sample[] {
  return samples
    .filter((sample) => show === "all" || sample.is_correct === (show === "right"))
    .sort((a, b) => ORDERS[sort](a, b) || a.index - b.index);
}

/** The stored step next to the wanted one. */
export function nearestStep(steps: number[], wanted: number): number | undefined {
  return steps.reduce<number | undefined>(
    (best, step) => (best === undefined || Math.abs(step - wanted) < Math.abs(best - wanted) ? step : best),
    undefined,
  );
}
