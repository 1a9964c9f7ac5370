import { markParts } from "./marked";
import "./marked.css";

interface Props {
  text: string;
  words: readonly string[];
  isWholeWord?: boolean;
}

/** Text with words marked; it stays text, whatever is in it. */
export function MarkedText({ text, words, isWholeWord = false }: Props) {
  return markParts(text, words, isWholeWord).map((part, index) => (part.isMarked ? <mark key={index}>{part.text}</mark> : part.text));
}
