import { expect, test } from "vitest";

import type { RunDetail } from "@/api/client";

import { describeNeed, describeStart } from "./device-need";

type Config = RunDetail["config"];

function config(change: object): Config {
  return {
    kind: "rl",
    device: "auto",
    engine: { name: "transformers", placement: "colocated" },
    parallel: { devices: 1, min_device_memory_gib: null },
    ...change,
  } as unknown as Config;
}

test("what a run asks for follows its device, its processes, its engine and the memory", () => {
  expect(describeNeed(config({ device: "cpu", parallel: { devices: 2 } }))).toBe("a CPU slot");
  expect(describeNeed(config({}))).toBe("a GPU, or a CPU slot");
  expect(describeNeed(config({ device: "cuda" }))).toBe("a GPU");
  expect(describeNeed(config({ parallel: { devices: 4, min_device_memory_gib: 40 } }))).toBe("4 GPUs of at least 40 GiB on one machine");
  const vllm = { name: "vllm", placement: "own_device" };
  expect(describeNeed(config({ device: "cuda", engine: vllm }))).toBe("2 GPUs on one machine");
  expect(describeNeed(config({ kind: "evaluation", device: "cuda", parallel: undefined }))).toBe("a GPU");
});

test("a start that nobody can tell is not guessed", () => {
  expect(describeStart(null)).toBe("not known yet");
  expect(describeStart(0)).toBe("any moment");
  expect(describeStart(720)).toBe("in about 12 min");
});
