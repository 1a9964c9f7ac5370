/** The request to evaluate a checkpoint of a run: it decodes and judges as the run does. */
import type { RunDetail, Schemas } from "@/api/client";

type Config = RunDetail["config"];
type Wish = Schemas["EvaluationCreate"]["config"];
export type Split = NonNullable<Wish["splits"]>[number];

export interface Choice {
  run: string;
  step: number | "best" | "last";
  dataset: string;
  splits: Split[];
}

export function evaluationWish(config: Config, { run, step, dataset, splits }: Choice): Wish {
  const { max_response_tokens, decoding, pass_at, permuted_control } = config.evaluation;
  return {
    kind: "evaluation",
    model: config.model,
    checkpoint: { run, rl_step: step },
    dataset,
    splits,
    seed: config.seed,
    precision: config.precision,
    device: config.device,
    data: config.data,
    reward: config.reward,
    engine: config.engine,
    evaluation: { max_response_tokens, decoding, pass_at, permuted_control },
    reflection: config.reflection,
  };
}
