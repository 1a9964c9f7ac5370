/** What a run asks of a worker, in words. */
import type { RunDetail } from "@/api/client";
import { formatPlural, formatRough } from "@/format";

type Config = RunDetail["config"];

/** `2 GPUs of at least 40 GiB on one machine`, `a CPU slot`, `a GPU, or a CPU slot`; an evaluation takes one device. */
export function describeNeed(config: Config): string {
  if (config.device === "cpu") return "a CPU slot";
  const parallel = config.kind === "evaluation" ? null : config.parallel;
  const forEngine = config.engine.name === "vllm" && config.engine.placement === "own_device" ? 1 : 0;
  const count = (parallel?.devices ?? 1) + forEngine;
  const memory = parallel?.min_device_memory_gib ?? null;
  const gpus = [
    count === 1 ? "a GPU" : formatPlural(count, "GPU"),
    memory === null ? "" : ` of at least ${memory} GiB`,
    count === 1 ? "" : " on one machine",
  ].join("");
  return config.device === "cuda" || memory !== null ? gpus : `${gpus}, or a CPU slot`;
}

/** When a queued run starts: `in about 12 min`, or that nobody can say. */
export function describeStart(startsInS: number | null): string {
  if (startsInS === null) return "not known yet";
  return startsInS < 1 ? "any moment" : `in about ${formatRough(startsInS)}`;
}
