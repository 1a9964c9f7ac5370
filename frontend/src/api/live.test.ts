import { expect, test } from "vitest";

import type { Run, RunDetail } from "./client";
import { dropRun, mergeDetail, mergeKeys, mergePoints, mergeRun, parsePoint, Recent } from "./live";

const point = (rl_step: number, value = rl_step) => ({ rl_step, epoch: rl_step / 10, seconds: rl_step * 2, value });
const run = (id: string, rl_step = 0) => ({ id, rl_step }) as Run;

test("live points are appended in order", () => {
  expect(mergePoints([point(1), point(2)], [point(4), point(3)]).map((p) => p.rl_step)).toEqual([1, 2, 3, 4]);
});

test("a point that comes twice is there once, the later value stays", () => {
  const merged = mergePoints([point(1), point(2), point(3)], [point(2, 9), point(4)]);
  expect(merged.map((p) => p.value)).toEqual([1, 9, 3, 4]);
  expect(mergePoints(merged, [point(4)])).toHaveLength(4);
});

test("merging changes neither side", () => {
  const old = [point(2)];
  mergePoints(old, [point(1)]);
  expect(old).toEqual([point(2)]);
});

test("values that JSON has no number for become numbers", () => {
  expect(parsePoint({ value: "NaN" }).value).toBeNaN();
  expect(parsePoint({ value: "-Infinity" }).value).toBe(-Infinity);
  expect(parsePoint({ value: 0.5 }).value).toBe(0.5);
});

test("a known run is replaced where it stands, a new one comes first", () => {
  const pages = [{ runs: [run("a"), run("b")] }, { runs: [run("c")] }];
  expect(mergeRun(pages, run("c", 7))[1]?.runs).toEqual([run("c", 7)]);
  expect(mergeRun(pages, run("d"))[0]?.runs.map(({ id }) => id)).toEqual(["d", "a", "b"]);
});

test("a metric logged for the first time joins the list once", () => {
  const first = { ...point(1, NaN), key: "policy/kl{a=1}" };
  const merged = mergeKeys([], [first, first]);
  expect(merged).toMatchObject([{ key: "policy/kl{a=1}", name: "policy/kl", last_rl_step: 1, last_value: null }]);
  expect(mergeKeys(merged, [first])).toBe(merged);
});

test("a run's detail keeps its configuration", () => {
  const detail = { ...run("a"), config: { seed: 1 } } as unknown as RunDetail;
  expect(mergeDetail(detail, run("a", 5))).toMatchObject({ rl_step: 5, config: { seed: 1 } });
});

test("a fetch sees what the stream said since its start, and nothing older", () => {
  let now = 0;
  const recent = new Recent<string>(100, () => now);
  recent.add("before");
  now = 10;
  const mark = recent.mark();
  recent.add("during");
  now = 20;
  recent.add("later");
  expect(recent.since(mark)).toEqual(["during", "later"]);
});

test("a deleted run leaves the pages and what the stream said of it", () => {
  const pages = [{ runs: [run("a"), run("b")] }, { runs: [run("c")] }];
  expect(dropRun(pages, "b").map((page) => page.runs.map(({ id }) => id))).toEqual([["a"], ["c"]]);
  const recent = new Recent<Run>();
  const mark = recent.mark();
  recent.add(run("a"));
  recent.add(run("b"));
  recent.drop(({ id }) => id === "b");
  expect(recent.since(mark)).toEqual([run("a")]);
});
