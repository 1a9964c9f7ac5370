import { expect, test } from "vitest";

import type { Evaluation } from "@/api/evaluation-queries";

import { comparable, evaluationText, layOutEvaluations } from "./evaluation-grid";
import { filterOf, parseEvaluationsSearch } from "./evaluations-search";

const evaluation = (id: number, part: Partial<Evaluation>) =>
  ({ id, rl_step: 0, epoch: 0, dataset: "d", split: "validation", pictures: "own", k: 1, temperature: 0.6, top_p: 1, ...part }) as Evaluation;

test("evaluations are a table of steps against splits and ways to decode", () => {
  const grid = layOutEvaluations([
    evaluation(1, { split: "test" }),
    evaluation(2, { k: 8, temperature: 1 }),
    evaluation(3, {}),
    evaluation(4, { rl_step: 8, epoch: 1 }),
    evaluation(5, { pictures: "permuted" }),
  ]);
  expect(grid.splits).toEqual([
    { name: "validation", numColumns: 3 },
    { name: "test", numColumns: 1 },
  ]);
  expect(grid.columns.map(({ decoding }) => decoding)).toEqual([
    "pass@8, T=1",
    "pass@1, T=0.6",
    "pass@1, T=0.6, permuted pictures",
    "pass@1, T=0.6",
  ]);
  expect(grid.lines.map(({ step, cells }) => [step, cells.size])).toEqual([
    [8, 1],
    [0, 4],
  ]);
});

test("only evaluations of the same problems are compared, those that decode alike first", () => {
  const open = evaluation(1, { rl_step: 8 });
  const others = [evaluation(2, { k: 8 }), evaluation(3, { rl_step: 4 }), evaluation(4, { split: "test" }), evaluation(5, { dataset: "e" })];
  expect(comparable([open, ...others], open).map(({ id }) => id)).toEqual([3, 2]);
});

test("an evaluation says what it is", () => {
  expect(evaluationText(evaluation(1, { rl_step: 8, epoch: 2 }))).toBe("Validation pass@1, T=0.6, epoch 2, step 8");
  expect(evaluationText(evaluation(1, { rl_step: 8, epoch: null }))).toBe("Validation pass@1, T=0.6, step 8");
});

test("the address asks for answers; nonsense in it is left out", () => {
  expect(parseEvaluationsSearch({ open: "x", verdict: "maybe", q: "" })).toEqual({});
  const search = parseEvaluationsSearch({ open: "7", verdict: "wrong", reflection: "with", difficulty: 3, q: "wait" });
  expect(search.open).toBe(7);
  expect(filterOf(search)).toEqual({ correct: false, reflective: true, difficulty: "3", search: "wait" });
});
