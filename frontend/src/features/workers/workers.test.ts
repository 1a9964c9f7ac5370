import { expect, test } from "vitest";

import type { Worker } from "@/api/worker-queries";

import { storageRows } from "./storage-rows";
import { differingVersion, groupByHost, summarize } from "./worker-groups";

function worker(change: Partial<Worker>): Worker {
  return {
    name: "w",
    host: "a",
    state: "ready",
    devices: [],
    kinds: ["cpu"],
    slots: 1,
    slots_used: 0,
    runs: [],
    is_draining: false,
    last_seen_at: "2026-11-25T12:00:00Z",
    started_at: null,
    versions: {},
    ...change,
  };
}

function gpu(holder: string | null): Worker["devices"][number] {
  const held_by = holder === null ? null : { id: "1", name: holder };
  return { kind: "cuda", index: 0, uuid: "GPU-1", name: "H", memory_bytes: 1, num_cores: null, held_by };
}

test("machines are grouped by name, and those without a living worker come last", () => {
  const machines = groupByHost([
    worker({ name: "1", host: "a", state: "absent" }),
    worker({ name: "2", host: "c" }),
    worker({ name: "3", host: "b", state: "absent" }),
    worker({ name: "4", host: "b" }),
  ]);
  expect(machines.map(({ host, workers }) => [host, workers.map(({ name }) => name)])).toEqual([
    ["b", ["3", "4"]],
    ["c", ["2"]],
    ["a", ["1"]],
  ]);
});

test("the summary counts what could take a run now", () => {
  const busy = worker({ devices: [gpu("r"), gpu(null)], slots: 2, slots_used: 1 });
  expect(summarize([busy])).toBe("1 worker there; 1 of 2 GPUs and 1 of 2 CPU slots free");
  const gone = worker({ state: "absent", devices: [gpu(null)] });
  const draining = worker({ state: "draining", is_draining: true, devices: [gpu(null)] });
  expect(summarize([busy, gone, draining])).toBe("2 workers there, 1 absent; 1 of 2 GPUs and 1 of 2 CPU slots free");
  expect(summarize([draining])).toBe("1 worker there; nothing is taken now");
});

test("a version of Maye is named only where it is another than the server's", () => {
  expect(differingVersion(worker({ versions: { maye: "1.0" } }), "1.1")).toBe("1.0");
  expect(differingVersion(worker({ versions: { maye: "1.1" } }), "1.1")).toBeNull();
  expect(differingVersion(worker({}), "1.1")).toBeNull();
  expect(differingVersion(worker({ versions: { maye: "1.0" } }), undefined)).toBeNull();
});

test("kinds that take nothing are left out, the largest comes first and fills its bar", () => {
  const rows = storageRows({ logs: 10, checkpoints: 40, traces: 0, future: 20 });
  expect(rows.map(({ label, share }) => [label, share])).toEqual([
    ["Checkpoints", 1],
    ["future", 0.5],
    ["Logs", 0.25],
  ]);
});
