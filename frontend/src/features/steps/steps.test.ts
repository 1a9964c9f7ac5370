import { expect, test } from "vitest";

import type { Trajectory } from "@/api/client";

import { legendOf, listQuantities, shadeTokens, visibleText } from "./quantities";
import { parseStepsSearch } from "./steps-search";

const tensor = (name: string) => ({ name, title: name, meaning: "" });

test("what is shaded is the distance from the centre, of the farthest token", () => {
  expect(shadeTokens({ values: [1, 0.5, 3, Infinity, NaN], centre: 1 })).toEqual([
    { sign: "none", strength: 0 },
    { sign: "below", strength: 0.25 },
    { sign: "above", strength: 1 },
    { sign: "above", strength: 1 },
    { sign: "none", strength: 0 },
  ]);
  expect(shadeTokens({ values: [0, 0], centre: 0 }).every(({ strength }) => strength === 0)).toBe(true);
});

test("the scale ends at the farthest token, on the sides where tokens are", () => {
  expect(legendOf({ values: [1, 0.5, 3], centre: 1 })).toEqual({ low: -1, high: 3, sides: "both" });
  expect(legendOf({ values: [0, 2], centre: 0 })).toEqual({ low: 0, high: 2, sides: "above" });
  expect(legendOf({ values: [-2, -1], centre: 0 })).toEqual({ low: -2, high: 0, sides: "below" });
  expect(legendOf({ values: [1, 1], centre: 1 })).toEqual({ low: 1, high: 1, sides: "none" });
});

test("quantities are the trace's own and two differences of log-probabilities", () => {
  const trajectory = {
    columns: { policy_logprobs: [-1, -2], rollout_logprobs: [-1.5, -2], entropy: [0.1, "Infinity"] },
    tensors: ["response_tokens", "rollout_logprobs", "policy_logprobs", "entropy", "ratio"].map(tensor),
  } as unknown as Trajectory;
  const update = { columns: { ratio: [1, 2] } } as unknown as Trajectory["updates"][number];
  const found = listQuantities(trajectory, update);
  expect(found.map(({ name }) => name)).toEqual(["ratio", "drift", "entropy", "rollout_logprobs", "policy_logprobs"]);
  expect(found.find(({ name }) => name === "drift")?.values).toEqual([0.5, 0]);
  expect(found.find(({ name }) => name === "entropy")?.values).toEqual([0.1, Infinity]);
  expect(found[0]?.centre).toBe(1);
});

test("spaces and line ends of tokens can be seen", () => {
  expect(visibleText(" is\n")).toBe("\u00b7is\u21b5");
  expect(visibleText("")).toBe("\u2205");
});

test("the address holds whole numbers that are not negative", () => {
  expect(parseStepsSearch({ step: "3", sample: "-1", update: 1.5, show: "ratio" })).toEqual({ step: 3, show: "ratio" });
});
