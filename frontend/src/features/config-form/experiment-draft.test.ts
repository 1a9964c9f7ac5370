import { expect, test } from "vitest";

import { countRuns, draftOf, EMPTY_SPEC, freeName, settingFields, sortDraftProblems, specOf } from "./experiment-draft";
import type { FieldsByKind, Spec } from "./experiment-draft";
import { parseSchema } from "./form-schema";

const schema = {
  properties: {
    model: { type: "string" },
    seed: { type: "integer", default: 0 },
    epochs: { type: "integer", default: 50 },
    optimizer: {
      type: "object",
      // As for SFT: the group's own default differs from that of its field.
      default: { learning_rate: 1e-5 },
      properties: { learning_rate: { type: "number", default: 1e-6 }, weight_decay: { type: "number", default: 0 } },
    },
  },
};
const own = settingFields(parseSchema(schema));
const fields: FieldsByKind = { rl: own, sft: own };
const spec: Spec = {
  name: "e",
  models: ["m", "n"],
  datasets: ["d"],
  seeds: [0, 1, 2],
  priority: 0,
  settings: [
    { name: "vanilla", kind: "vanilla", config: {} },
    { name: "rl", kind: "rl", config: { epochs: 3 } },
    { name: "sft", kind: "sft", config: {} },
  ],
};

test("vanilla runs once for each model and data set, the others with every seed", () => {
  const count = countRuns(draftOf(spec, fields));
  expect(count.total).toBe(2 + 6 + 6);
  expect(count.perKind).toEqual([
    { kind: "vanilla", count: 2 },
    { kind: "sft", count: 6 },
    { kind: "rl", count: 6 },
  ]);
  expect(countRuns(draftOf(EMPTY_SPEC, fields)).total).toBe(0);
});

test("a setting shows every field and sends what differs from its defaults", () => {
  const draft = draftOf(spec, fields);
  const rl = draft.settings[1];
  expect(rl?.config).toEqual({ epochs: 3, optimizer: { learning_rate: 1e-5, weight_decay: 0 } });
  expect(specOf(draft, fields)).toEqual(spec);
  if (rl) rl.config = { ...rl.config, optimizer: { learning_rate: "2e-4", weight_decay: 0 } };
  expect(specOf(draft, fields).settings[1]?.config).toEqual({ epochs: 3, optimizer: { learning_rate: 2e-4 } });
});

test("seeds that are no numbers are sent as they are typed", () => {
  expect(specOf({ ...draftOf(spec, fields), seeds: "0, one" }, fields).seeds).toEqual([0, "one"]);
});

test("refusals stand at their fields", () => {
  const problem = (path: (string | number)[], message: string) => ({ path, message, got: "" });
  const sorted = sortDraftProblems(
    [
      problem(["body", "seeds", 1], "twice"),
      problem(["body", "priority"], "too high"),
      problem(["body", "settings", 1, "config", "optimizer", "learning_rate"], "too large"),
      problem(["body", "settings", 1, "name"], "bad name"),
      problem(["body", "settings", 0, "kind"], "at most one"),
      problem(["body"], "as a whole"),
    ],
    ["vanilla", "rl"],
    fields,
  );
  expect(sorted.seeds).toBe("twice");
  expect(sorted.priority).toBe("too high");
  expect(sorted.settings.get(1)?.fields.get("optimizer.learning_rate")).toBe("too large");
  expect(sorted.settings.get(1)?.name).toBe("bad name");
  expect(sorted.settings.get(0)?.rest).toEqual(["kind: at most one"]);
  expect(sorted.rest).toEqual(["as a whole"]);
});

test("a copy gets a name of its own", () => {
  expect(freeName("rl", ["vanilla"])).toBe("rl");
  expect(freeName("rl", ["rl", "rl-2"])).toBe("rl-3");
});
