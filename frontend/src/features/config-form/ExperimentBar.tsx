import { ApiError } from "@/api/client";
import { formatPlural } from "@/format";

import { countRuns } from "./experiment-draft";
import type { Draft, DraftProblems, Kind } from "./experiment-draft";

interface Props {
  draft: Draft;
  isPending: boolean;
  error: Error | null;
  problems: DraftProblems | null;
}

const NOUNS: Record<Kind, string> = { vanilla: "evaluation", sft: "SFT run", rl: "RL run" };

/** How many runs there will be, what is wrong, and the button that launches them. */
export function ExperimentBar({ draft, isPending, error, problems }: Props) {
  const { total, perKind } = countRuns(draft);
  const numRefused = countRefused(problems);
  return (
    <div className="launch-bar card">
      {error === null ? null : (
        <div className="field-problem launch-error" role="alert">
          {numRefused > 0 ? `Not launched: ${formatPlural(numRefused, "field")} refused, see above. ` : `${error.message} `}
          {error instanceof ApiError ? <code>{error.code}</code> : null}
          {problems?.rest.map((line) => <div key={line}>{line}</div>)}
        </div>
      )}
      <div className="launch-plan" data-testid="run-count" role="status">
        {total === 0 ? (
          <span className="launch-warning">
            {draft.models.length === 0
              ? "Choose a model."
              : draft.datasets.length === 0
                ? "Choose a data set."
                : draft.settings.length === 0
                  ? "Add a setting."
                  : "Give a seed."}
          </span>
        ) : (
          <>
            <b>{formatPlural(total, "run")}</b>
            {perKind.map(({ kind, count }) => (
              <span key={kind} className="soft">
                {formatPlural(count, NOUNS[kind])}
              </span>
            ))}
          </>
        )}
      </div>
      <span className="grow" />
      <button type="submit" className="button primary" disabled={isPending}>
        {isPending ? "Launching" : "Launch experiment"}
        <kbd className="launch-key">Ctrl Enter</kbd>
      </button>
    </div>
  );
}

function countRefused(problems: DraftProblems | null): number {
  if (problems === null) return 0;
  const { name: ownName, models, datasets, seeds, priority } = problems;
  const own = [ownName, models, datasets, seeds, priority].filter((problem) => problem !== null).length;
  const ofSettings = [...problems.settings.values()].map(
    ({ name, fields, rest }) => fields.size + rest.length + (name === null ? 0 : 1),
  );
  return ofSettings.reduce((sum, count) => sum + count, own);
}
