import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";

import { imageUrl } from "@/api/client";
import { answersQuery } from "@/api/evaluation-queries";
import type { Answer, Evaluation } from "@/api/evaluation-queries";
import { runQuery } from "@/api/queries";
import { ResponseCard } from "@/components/ResponseCard";
import { EmptyState, ErrorState, Loading } from "@/components/States";
import { formatPlural } from "@/format";

import { AnswersToolbar } from "./AnswersToolbar";
import { filterOf } from "./evaluations-search";

const route = getRouteApi("/shell/runs/$runId/evaluations");

/** Single answers with their problems; reflection words are marked. */
export function AnswersView({ evaluation }: { evaluation: Evaluation }) {
  const { runId } = route.useParams();
  const search = route.useSearch();
  const { data: run } = useQuery(runQuery(runId));
  const query = useInfiniteQuery(answersQuery(evaluation.id, filterOf(search)));
  const answers = query.data?.pages.flatMap((page) => page.answers) ?? [];
  const isWholeWord = run?.config.reflection.match === "word";
  return (
    <>
      <AnswersToolbar answers={answers} />
      {query.data === undefined ? (
        query.isError ? (
          <ErrorState what="The answers could not be loaded" error={query.error} onRetry={() => void query.refetch()} />
        ) : (
          <Loading label="Loading the answers" rows={4} height={180} />
        )
      ) : answers.length === 0 ? (
        <EmptyState title="No answer matches the filter" />
      ) : (
        <ol className="responses" data-testid="answers" aria-busy={query.isPlaceholderData}>
          {answers.map((answer) => (
            <li key={`${answer.item_id} ${answer.sample}`}>
              <ResponseCard
                response={answer}
                index={answer.row}
                picture={answer.image_sha256 === null ? null : imageUrl(evaluation.dataset, answer.image_sha256)}
                marks={Object.keys(answer.reflection)}
                isWholeWord={isWholeWord}
                note={noteOf(answer, evaluation)}
                tags={tagsOf(answer)}
              />
            </li>
          ))}
        </ol>
      )}
      {query.hasNextPage ? (
        <button type="button" className="button older" onClick={() => void query.fetchNextPage()} disabled={query.isFetchingNextPage}>
          Show more answers
        </button>
      ) : null}
    </>
  );
}

function noteOf({ difficulty, sample }: Answer, { k }: Evaluation): string {
  return [difficulty === null ? "" : `difficulty ${difficulty}`, k === 1 ? "" : `sample ${sample + 1} of ${k}`]
    .filter(Boolean)
    .join(", ");
}

function tagsOf({ reflection, is_repeating: isRepeating, failure }: Answer): string[] {
  const numWords = Object.values(reflection).reduce((sum, count) => sum + count, 0);
  return [
    ...(isRepeating ? ["repeats itself"] : []),
    ...(numWords === 0 ? [] : [formatPlural(numWords, "reflection word")]),
    ...(failure === null ? [] : [`not judged: ${failure}`]),
  ];
}
