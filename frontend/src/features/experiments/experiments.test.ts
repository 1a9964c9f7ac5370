import { expect, test } from "vitest";

import type { ExperimentCell } from "@/api/experiment-queries";
import type { Finding, Panel, PanelSeries, TableRow } from "@/api/report";

import { fullGain, layOut, statisticOf, tintOf } from "./accuracy-table";
import { stateOf } from "./experiment-state";
import { parseReportSearch } from "./experiments-search";
import { groupFindings } from "./finding-groups";
import { alignPanel, buildLooks, columnsOf, describe, hasZeroAxis, lookKey, unitOf } from "./panel-data";
import { layOutRuns } from "./run-grid";

const estimate = (value: number) => ({ value, low: null, high: null, method: "none", num_observations: 1 });
const row = (split: string, k: number, gain: number | null): TableRow => ({
  model: "m",
  dataset: "d",
  split,
  k,
  temperature: 1,
  vanilla: estimate(0.5),
  entries: [{ setting: "rl", mean: estimate(0.6), maximum: null, mean_gain: gain, maximum_gain: null }],
});
const series = (role: PanelSeries["role"], label: string, x: number[], mean: (number | null)[], std: (number | null)[] | null = null) =>
  ({ role, label, metric: label, x, mean, std, num_runs: 3 }) satisfies PanelSeries;
const panel = (yLabel: string, all: PanelSeries[]): Panel => ({ title: "t", x_label: "epoch", y_label: yLabel, series: all });

test("the table has a line for each way to decode and validation before test", () => {
  const table = layOut([row("test", 8, 0.1), row("validation", 8, 0.2), row("validation", 1, null)]);
  expect(table.splits).toEqual(["validation", "test"]);
  expect(table.settings).toEqual(["rl"]);
  expect(table.groups.map(({ lines }) => lines.map(({ k, rows }) => [k, [...rows.keys()]]))).toEqual([
    [
      [8, ["test", "validation"]],
      [1, ["validation"]],
    ],
  ]);
});

test("a gain is red and a loss green, deeper the larger it is; what is not known has no tint", () => {
  expect(tintOf(0.5, 0.5)).toEqual({ direction: "gain", depth: 1 });
  expect(tintOf(-0.125, 0.5)).toEqual({ direction: "loss", depth: 0.5 });
  expect(tintOf(null, 0.5).direction).toBe("none");
  expect(fullGain([row("test", 1, -0.8)])).toBe(0.8);
  // Small differences are not blown up to the deepest tint.
  expect(fullGain([row("test", 1, 0.01)])).toBe(0.25);
});

test("a setting without the statistic has neither number nor gain", () => {
  expect(statisticOf(row("test", 1, 0.1).entries[0], "maximum")).toEqual({ estimate: null, gain: null });
  expect(statisticOf(undefined, "mean")).toEqual({ estimate: null, gain: null });
});

test("a value that is not defined is a gap, an x of another curve is none", () => {
  const data = alignPanel([series("rl", "rl", [0, 1, 3], [0.1, null, 0.3], [0.05, null, 0.1]), series("sft", "sft", [2], [0.2])]);
  expect(data.xs).toEqual([0, 1, 2, 3]);
  expect(columnsOf(data)).toEqual([
    [0.1, null, undefined, 0.3],
    [expect.closeTo(0.15), null, undefined, expect.closeTo(0.4)],
    [expect.closeTo(0.05), null, undefined, expect.closeTo(0.2)],
    [undefined, undefined, 0.2, undefined],
  ]);
});

test("vanilla measured once is drawn over the whole width", () => {
  const data = alignPanel([series("vanilla", "vanilla", [0], [0.4]), series("rl", "rl", [1, 2], [0.5, 0.6])]);
  expect(data.curves[0]?.mean).toEqual([0.4, 0.4, 0.4]);
});

test("RL is red, SFT blue, vanilla green and dashed, in every figure of the report", () => {
  const all = [series("vanilla", "v", [], []), series("sft", "sft", [], []), series("rl", "a", [], []), series("rl", "b", [], [])];
  const looks = buildLooks([{ name: "figure-4", title: "", blocks: [{ title: "", num_columns: 1, panels: [panel("share", all)] }] }]);
  const colors = all.map((entry) => looks.get(lookKey(entry))?.color);
  expect(colors).toEqual(["--series-3", "--series-2", "--series-1", "--series-4"]);
  expect(looks.get("vanilla v")?.dash).toBeDefined();
  expect(looks.get("rl a")?.dash).toBeUndefined();
});

test("shares and counts start at zero, lengths do not", () => {
  expect(["share", "count", "tokens"].map((label) => hasZeroAxis(panel(label, [])))).toEqual([true, true, false]);
  expect(unitOf(panel("tokens", []))).toBe("1");
  expect(unitOf(panel("accuracy (share)", []))).toBe("share");
});

test("a panel is told in a sentence", () => {
  const shown = panel("share", [series("rl", "rl", [1, 2], [0.5, 0.75]), series("sft", "sft", [1], [null])]);
  expect(describe(shown, String)).toBe("rl (n=3): 0.5 at epoch 1, 0.75 at 2; sft: not measured.");
  expect(describe(panel("share", []), String)).toBe("Nothing is measured yet.");
});

test("an experiment is as its runs are", () => {
  expect(stateOf({ succeeded: 3 })).toBe("succeeded");
  expect(stateOf({ succeeded: 2, failed: 1 })).toBe("failed");
  expect(stateOf({ queued: 3 })).toBe("queued");
  expect(stateOf({ queued: 2, succeeded: 1 })).toBe("running");
  expect(stateOf({ running: 1, failed: 1 })).toBe("running");
});

test("vanilla has one run for all seeds, the others one for each", () => {
  const cell = (setting: string, seed: number | null) => ({ model: "m", dataset: "d", setting, seed }) as ExperimentCell;
  const { lines } = layOutRuns([cell("vanilla", null), cell("rl", 0), cell("rl", 1)], [0, 1]);
  expect(lines.map(({ setting, shared, bySeed }) => [setting, shared?.setting, [...bySeed.keys()]])).toEqual([
    ["vanilla", "vanilla", []],
    ["rl", undefined, [0, 1]],
  ]);
});

test("an address with nonsense shows the report's default view", () => {
  expect(parseReportSearch({ spread: "wide", published: "on", intervals: 1 })).toEqual({});
  expect(parseReportSearch({ spread: "sample", published: "off" })).toEqual({ spread: "sample", published: "off" });
});

test("the same claim in several places is one line that counts its verdicts", () => {
  const finding = (claim: string, verdict: Finding["verdict"]) => ({ name: "n", claim, verdict, sentence: "", estimates: {} });
  const groups = groupFindings([
    finding("rl beats vanilla (m on d; test)", "not decidable"),
    finding("rl beats vanilla (m on d; validation)", "true"),
    finding("the seed matters", "false"),
  ]);
  expect(groups.map(({ claim, members }) => [claim, members.map(({ place }) => place)])).toEqual([
    ["rl beats vanilla", ["m on d; test", "m on d; validation"]],
    ["the seed matters", [""]],
  ]);
  expect(groups[0]?.counts).toEqual([
    { verdict: "true", count: 1 },
    { verdict: "not decidable", count: 1 },
  ]);
});
