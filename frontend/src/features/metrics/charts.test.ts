import { expect, test } from "vitest";

import type { Metric } from "@/api/client";
import { rangeOfValues } from "@/components/plot-look";

import { alignSeries } from "./chart-data";
import { buildChartGroups, parseKey } from "./chart-list";
import { parseChartsSearch } from "./charts-search";
import { smooth } from "./smoothing";

const metric = (name: string, title: string, labels: string[] = []) => ({ name, title, labels }) as unknown as Metric;
const point = (rl_step: number, value: number) => ({ rl_step, epoch: rl_step / 2, seconds: rl_step * 10, value });

test("the average starts at the first value and skips gaps", () => {
  expect(smooth([2], 0.9)[0]).toBeCloseTo(2);
  expect(smooth([2, 2, 2], 0.9)[2]).toBeCloseTo(2);
  // weights 0.25 and 0.5 over 0.75
  expect(smooth([0, null, 3], 0.5)).toEqual([0, null, expect.closeTo(2)]);
  expect(smooth([NaN, 1], 0.5)).toEqual([null, 1]);
});

test("a value that is not finite is a gap, a step of another series is none", () => {
  const data = alignSeries([[point(0, 1), point(1, NaN), point(2, 3)], [point(2, 5)]], "time", 0);
  expect(data.steps).toEqual([0, 1, 2]);
  expect(data.xs).toEqual([0, 10, 20]);
  expect(data.columns).toEqual([
    [1, null, 3],
    [undefined, undefined, 5],
  ]);
});

test("a smoothed series is drawn as raw values and their average", () => {
  expect(alignSeries([[point(0, 1), point(1, 1)]], "step", 0.5).columns).toEqual([
    [1, 1],
    [1, 1],
  ]);
});

test("the axis of a share starts at zero", () => {
  expect(rangeOfValues(0.5, 1, true)[0]).toBe(0);
  expect(rangeOfValues(0, 0, true)).toEqual([0, 1.06]);
  expect(rangeOfValues(2, 3, false)[0]).toBeGreaterThan(1.9);
});

test("evaluation has one chart for each split with a line for each way to decode", () => {
  const catalogue = [
    metric("evaluation/accuracy", "Evaluation accuracy", ["k", "pictures", "split", "temperature"]),
    metric("health/step_s", "Time per RL step"),
    metric("policy/kl", "KL to the reference"),
  ];
  const keys = [
    "health/step_s",
    "evaluation/accuracy{k=1,pictures=own,split=test,temperature=0.6}",
    "evaluation/accuracy{k=1,pictures=permuted,split=validation,temperature=0.6}",
    "evaluation/accuracy{k=1,pictures=own,split=validation,temperature=0.6}",
    "evaluation/accuracy{k=8,pictures=own,split=validation,temperature=1.0}",
  ];
  const [pinned, health, ...others] = buildChartGroups(catalogue, keys);
  expect(others).toEqual([]);
  expect(health?.charts.map((chart) => chart.key)).toEqual(["health/step_s"]);
  expect(pinned?.charts.map((chart) => chart.title)).toEqual(["Validation accuracy", "Test accuracy"]);
  expect(pinned?.charts[0]?.series.map(({ label, color, isDashed }) => [label, color, isDashed])).toEqual([
    ["pass@8, T=1.0", 0, false],
    ["pass@1, T=0.6", 1, false],
    ["pass@1, T=0.6, permuted pictures", 1, true],
  ]);
});

test("a key without labels has none", () => {
  expect(parseKey("policy/kl")).toEqual({ name: "policy/kl", labels: {} });
});

test("an address with nonsense shows the default view", () => {
  expect(parseChartsSearch({ x: "moon", smooth: "2", zoom: "5~1" })).toEqual({});
  expect(parseChartsSearch({ x: "time", smooth: 0.8, zoom: "1~5" })).toEqual({ x: "time", smooth: 0.8, zoom: "1~5" });
});
