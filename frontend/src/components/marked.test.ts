import { expect, test } from "vitest";

import { markParts } from "./marked";

const marked = (text: string, words: string[], isWholeWord = false) =>
  markParts(text, words, isWholeWord)
    .filter((part) => part.isMarked)
    .map((part) => part.text);

test("words are marked wherever they stand, whatever their case", () => {
  expect(markParts("Wait, await", ["wait"])).toEqual([
    { text: "Wait", isMarked: true },
    { text: ", a", isMarked: false },
    { text: "wait", isMarked: true },
  ]);
});

test("whole words leave others alone", () => {
  expect(marked("wait, await, re-check it", ["wait", "re-check"], true)).toEqual(["wait", "re-check"]);
});

test("of overlapping words the longest is marked", () => {
  expect(marked("re-evaluate reevaluation", ["reevaluate", "re-evaluate", "reevaluation"])).toEqual(["re-evaluate", "reevaluation"]);
});

test("characters with a meaning in patterns are only characters", () => {
  expect(marked("a.c abc (x)", ["a.c", "(x)"])).toEqual(["a.c", "(x)"]);
  expect(markParts("text", [""])).toEqual([{ text: "text", isMarked: false }]);
});
