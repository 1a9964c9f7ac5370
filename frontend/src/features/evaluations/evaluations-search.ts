import type { AnswerFilter } from "@/api/evaluation-queries";

export interface EvaluationsSearch {
  /** The evaluation that is open. */
  open?: number;
  view?: "compare";
  /** The evaluation that it is compared with. */
  with?: number;
  verdict?: "right" | "wrong";
  reflection?: "with" | "without";
  category?: string;
  difficulty?: string;
  item?: string;
  q?: string;
}

function whole(value: unknown): number | undefined {
  const number = typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
  return Number.isInteger(number) && number > 0 ? number : undefined;
}

/** The address turns text that looks like a number into one. */
function text(value: unknown): string | undefined {
  const written = typeof value === "number" ? String(value) : value;
  return typeof written === "string" && written !== "" ? written.slice(0, 200) : undefined;
}

/** Which evaluation is shown and how, as it stands in the address. */
export function parseEvaluationsSearch(raw: Record<string, unknown>): EvaluationsSearch {
  const search: EvaluationsSearch = {
    open: whole(raw.open),
    with: whole(raw.with),
    view: raw.view === "compare" ? "compare" : undefined,
    verdict: raw.verdict === "right" || raw.verdict === "wrong" ? raw.verdict : undefined,
    reflection: raw.reflection === "with" || raw.reflection === "without" ? raw.reflection : undefined,
    category: text(raw.category),
    difficulty: text(raw.difficulty),
    item: text(raw.item),
    q: text(raw.q),
  };
  return Object.fromEntries(Object.entries(search).filter(([, value]) => value !== undefined));
}

/** What the API is asked for. */
export function filterOf(search: EvaluationsSearch): AnswerFilter {
  return {
    ...(search.verdict === undefined ? {} : { correct: search.verdict === "right" }),
    ...(search.reflection === undefined ? {} : { reflective: search.reflection === "with" }),
    ...(search.category === undefined ? {} : { category: search.category }),
    ...(search.difficulty === undefined ? {} : { difficulty: search.difficulty }),
    ...(search.item === undefined ? {} : { item: search.item }),
    ...(search.q === undefined ? {} : { search: search.q }),
  };
}
