import { expect, test } from "vitest";

import { labelOf, parseSchema } from "./form-schema";
import { changedPaths, cleanValue, defaultsOf, numberText, setAt, valuesText } from "./form-value";
import { reckon } from "./pre-flight";
import { sortProblems } from "./problems";

const SCHEMA = {
  $defs: {
    Algorithm: {
      description: "The class.",
      type: "object",
      properties: {
        clip_low: { type: "number", exclusiveMinimum: 0, exclusiveMaximum: 1, default: 0.2 },
        max_image_pixels: { anyOf: [{ type: "integer", minimum: 784 }, { type: "null" }], default: null, unit: "pixels" },
      },
    },
    Setting: { type: "object", properties: { k: { type: "integer", minimum: 1 } } },
  },
  properties: {
    kind: { const: "rl" },
    device: { enum: ["auto", "cpu"], type: "string" },
    is_on: { type: "boolean" },
    algorithm: { $ref: "#/$defs/Algorithm", description: "Step IV." },
    decoding: { type: "array", items: { $ref: "#/$defs/Setting" }, minItems: 1, maxItems: 8 },
  },
};
const FIELDS = parseSchema(SCHEMA);

test("a schema becomes fields: constants have none, references are followed", () => {
  expect(FIELDS.map(({ name, type }) => [name, type])).toEqual([
    ["device", "choice"],
    ["is_on", "boolean"],
    ["algorithm", "group"],
    ["decoding", "list"],
  ]);
  const group = FIELDS[2];
  expect(group).toMatchObject({ help: "Step IV." });
  expect(group?.type === "group" ? group.fields : []).toMatchObject([
    { name: "clip_low", type: "number", isInteger: false, range: "> 0, < 1", fallback: 0.2 },
    { name: "max_image_pixels", type: "number", isInteger: true, isNullable: true, unit: "pixels", range: "\u2265 784" },
  ]);
});

test("labels are words", () => {
  expect(labelOf("kl_coefficient")).toBe("KL coefficient");
  expect(labelOf("warmup_frac")).toBe("Warmup share");
  expect(labelOf("responses_per_rl_step")).toBe("Responses per RL step");
  expect(labelOf("k")).toBe("k");
});

test("what is typed becomes a number when it is sent, nonsense stays for the server to refuse", () => {
  const typed = { algorithm: { clip_low: "1e-1", max_image_pixels: " " }, decoding: [{ k: "4" }], kind: "rl" };
  expect(cleanValue(FIELDS, typed)).toEqual({
    algorithm: { clip_low: 0.1, max_image_pixels: null },
    decoding: [{ k: 4 }],
    kind: "rl",
  });
  expect(cleanValue(FIELDS, { algorithm: { clip_low: "much" } })).toEqual({ algorithm: { clip_low: "much" } });
});

test("only what differs from the preset counts as changed", () => {
  const base = { device: "auto", algorithm: { clip_low: 0.2, max_image_pixels: null }, decoding: [{ k: 8 }] };
  expect(changedPaths(FIELDS, setAt(base, ["algorithm", "clip_low"], "0.20"), base)).toEqual([]);
  expect(changedPaths(FIELDS, setAt(base, ["algorithm", "clip_low"], "0.3"), base)).toEqual([["algorithm", "clip_low"]]);
  expect(changedPaths(FIELDS, setAt(base, ["decoding", 0, "k"], 4), base)).toEqual([["decoding"]]);
});

test("small numbers are written as powers", () => {
  expect(numberText(5e-6)).toBe("5e-6");
  expect(numberText(0.001)).toBe("0.001");
  expect(numberText(null)).toBe("");
});

test("refusals find their field", () => {
  const refusal = (path: (string | number)[]) => ({ path, message: path.join("."), got: "" });
  const sorted = sortProblems(
    [
      refusal(["config", "algorithm", "clip_low"]),
      refusal(["config", "algorithm"]),
      refusal(["config", "decoding", 0, "k"]),
      refusal(["name"]),
      refusal(["config", "nowhere"]),
    ],
    FIELDS,
  );
  expect([...sorted.fields.keys()]).toEqual(["algorithm.clip_low", "algorithm", "decoding.0.k"]);
  expect(sorted.name).toBe("name");
  expect(sorted.rest).toEqual(["config.nowhere: config.nowhere"]);
});

test("the pre-flight drops the remainder of an epoch", () => {
  const algorithm = { responses_per_rl_step: 64, responses_per_update: 32, passes_per_rl_step: 1 };
  // floor(100 / 64) = 1 step an epoch, 3 epochs, 2 updates each
  expect(reckon({ epochs: 3, algorithm }, 100)).toEqual({ stepsPerEpoch: 1, rlSteps: 3, responses: 192, updates: 6 });
  expect(reckon({ epochs: "", algorithm }, 100)).toBeNull();
});

test("a list of numbers or texts is typed with commas in between", () => {
  const listOf = (type: string) => ({ type: "object", properties: { them: { type: "array", items: { type } } } });
  const numbers = parseSchema(listOf("integer"));
  const texts = parseSchema(listOf("string"));
  expect(numbers[0]).toMatchObject({ type: "values", isNumeric: true });
  expect(cleanValue(numbers, { them: "0, 2,7 ," })).toEqual({ them: [0, 2, 7] });
  expect(cleanValue(numbers, { them: "0, x" })).toEqual({ them: [0, "x"] });
  expect(cleanValue(numbers, { them: "" })).toEqual({ them: [] });
  expect(cleanValue(texts, { them: "q_proj, 7" })).toEqual({ them: ["q_proj", "7"] });
  expect(valuesText([0, 2, 7])).toBe("0, 2, 7");
  const refusal = { path: ["config", "them", 1], message: "no integer", got: "x" };
  expect(sortProblems([refusal], numbers).fields.get("them")).toBe("no integer");
});

test("a part that may be left out is null until it is used, and then has its defaults", () => {
  const fields = parseSchema({
    $defs: { Lora: { type: "object", properties: { rank: { type: "integer", default: 16 }, names: { type: "array", items: { type: "string" }, default: ["q"] } } } },
    properties: { lora: { anyOf: [{ $ref: "#/$defs/Lora" }, { type: "null" }], default: null } },
  });
  const lora = fields[0];
  expect(lora).toMatchObject({ type: "group", isNullable: true, label: "LoRA" });
  expect(lora?.type === "group" ? defaultsOf(lora.fields) : null).toEqual({ rank: 16, names: ["q"] });
  expect(cleanValue(fields, { lora: null })).toEqual({ lora: null });
  expect(cleanValue(fields, { lora: { rank: "8", names: ["q"] } })).toEqual({ lora: { rank: 8, names: ["q"] } });
  expect(changedPaths(fields, { lora: { rank: 16 } }, { lora: null })).toEqual([["lora"]]);
  expect(changedPaths(fields, { lora: null }, { lora: null })).toEqual([]);
});

test("of supervised fine-tuning a step is an update", () => {
  const config = { kind: "sft", epochs: 3, supervised: { samples_per_update: 32 } };
  expect(reckon(config, 100)).toEqual({ stepsPerEpoch: 3, rlSteps: 9, responses: 0, updates: 9 });
});
