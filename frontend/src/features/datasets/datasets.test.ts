import { expect, test } from "vitest";

import { EMPTY, fileManifest, hubManifest, parseColumns, uploadType } from "./dataset-draft";

const draft = { ...EMPTY, slug: " sums ", title: "Sums", licence: "CC0-1.0" };

test("columns are pairs; a word alone is kept for the server to refuse", () => {
  expect(parseColumns("question: problem, answer:gold\nimage: picture")).toEqual({ question: "problem", answer: "gold", image: "picture" });
  expect(parseColumns("question")).toEqual({ question: "" });
  expect(parseColumns(" ")).toEqual({});
});

test("a parquet file is one split, whatever it is called", () => {
  expect(fileManifest({ ...draft, split: "test", columns: "answer: gold" })).toEqual({
    slug: "sums",
    title: "Sums",
    kind: "vision-dominant",
    licence: "CC0-1.0",
    format: "parquet",
    splits: { test: "test.parquet" },
    columns: { answer: "gold" },
  });
});

test("splits without files are left out, and a repository may describe itself", () => {
  const manifest = hubManifest({ ...draft, files: { train: "a-*.jsonl", validation: " ", test: "b.jsonl" }, format: "jsonl", columns: "x: y" });
  expect(manifest?.splits).toEqual({ train: "a-*.jsonl", test: "b.jsonl" });
  expect(manifest?.columns).toEqual({});
  expect(hubManifest({ ...draft, isDescribed: false })).toBeNull();
});

test("a file is taken for what its ending says", () => {
  expect(uploadType("Sums.ZIP")).toBe("application/zip");
  expect(uploadType("train.parquet")).toBe("application/vnd.apache.parquet");
  expect(uploadType("train.parquet.exe")).toBeNull();
});
