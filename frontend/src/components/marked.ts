/** Text cut at the words to mark. */

export interface Part {
  text: string;
  isMarked: boolean;
}

/** Parts of the text in order; case does not matter, and of overlapping words the longest is marked. */
export function markParts(text: string, words: readonly string[], isWholeWord = false): Part[] {
  const wanted = words.filter((word) => word !== "").sort((a, b) => b.length - a.length);
  if (wanted.length === 0) return [{ text, isMarked: false }];
  const any = wanted.map((word) => word.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&")).join("|");
  const pattern = isWholeWord ? `(?<!\\w)(?:${any})(?!\\w)` : any;
  // A group in the pattern makes split return what it matched, at every odd place.
  return text
    .split(new RegExp(`(${pattern})`, "gi"))
    .map((part, index) => ({ text: part, isMarked: index % 2 === 1 }))
    .filter((part) => part.text !== "");
}
