import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState } from "react";

import type { Answer } from "@/api/evaluation-queries";
import { useShortcuts } from "@/components/use-shortcuts";

import type { EvaluationsSearch } from "./evaluations-search";

const route = getRouteApi("/shell/runs/$runId/evaluations");
const TYPING_MS = 250;
const VERDICTS = [
  { value: undefined, label: "All" },
  { value: "right", label: "Right" },
  { value: "wrong", label: "Wrong" },
] as const;
const REFLECTIONS = [
  { value: undefined, label: "Any" },
  { value: "with", label: "Reflective" },
  { value: "without", label: "Not reflective" },
] as const;

/** Which answers are shown. */
export function AnswersToolbar({ answers }: { answers: Answer[] }) {
  const search = route.useSearch();
  const navigate = route.useNavigate();
  const set = (change: EvaluationsSearch) => void navigate({ search: { ...search, ...change }, replace: true, resetScroll: false });
  return (
    <div className="row answers-toolbar" role="toolbar" aria-label="Answers">
      <div className="segments" role="group" aria-label="Verdict">
        {VERDICTS.map(({ value, label }) => (
          <button key={label} type="button" aria-pressed={search.verdict === value} onClick={() => set({ verdict: value })}>
            {label}
          </button>
        ))}
      </div>
      <div className="segments" role="group" aria-label="Reflection">
        {REFLECTIONS.map(({ value, label }) => (
          <button key={label} type="button" aria-pressed={search.reflection === value} onClick={() => set({ reflection: value })}>
            {label}
          </button>
        ))}
      </div>
      <Choice label="Category" name="category" answers={answers} onChange={set} />
      <Choice label="Difficulty" name="difficulty" answers={answers} onChange={set} />
      {search.item === undefined ? null : (
        <button type="button" className="button small" onClick={() => set({ item: undefined })}>
          Problem {search.item} <span aria-hidden="true">{"\u00d7"}</span>
          <span className="visually-hidden">: show all problems</span>
        </button>
      )}
      <TextSearch q={search.q ?? ""} onChange={(q) => set({ q: q === "" ? undefined : q })} />
    </div>
  );
}

interface ChoiceProps {
  label: string;
  name: "category" | "difficulty";
  answers: Answer[];
  onChange: (change: EvaluationsSearch) => void;
}

/** One of the values that have been seen; nothing where the data set has none. */
function Choice({ label, name, answers, onChange }: ChoiceProps) {
  const chosen = route.useSearch()[name];
  const [seen, setSeen] = useState<string[]>([]);
  const present = [chosen, ...answers.map((answer) => answer[name])].filter((value) => value !== null && value !== undefined);
  const news = [...new Set(present)].filter((value) => !seen.includes(value));
  if (news.length > 0) setSeen([...seen, ...news].sort((a, b) => a.localeCompare(b, "en", { numeric: true })));
  if (seen.length === 0) return null;
  return (
    <select aria-label={label} value={chosen ?? ""} onChange={(event) => onChange({ [name]: event.target.value || undefined })}>
      <option value="">{label}: all</option>
      {seen.map((value) => (
        <option key={value} value={value}>
          {value}
        </option>
      ))}
    </select>
  );
}

/** Asked for when the typing rests. */
function TextSearch({ q, onChange }: { q: string; onChange: (q: string) => void }) {
  const [typed, setTyped] = useState(q);
  const input = useRef<HTMLInputElement>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useShortcuts({ "/": () => input.current?.focus() });
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <input
      ref={input}
      type="search"
      aria-label="Search questions and responses"
      placeholder="Search questions and responses"
      className="answers-search"
      value={typed}
      maxLength={200}
      onChange={(event) => {
        const { value } = event.target;
        setTyped(value);
        clearTimeout(timer.current);
        timer.current = setTimeout(() => onChange(value), TYPING_MS);
      }}
    />
  );
}
