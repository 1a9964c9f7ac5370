import { capitalize, formatNumber, formatPlural } from "@/format";

import { MarkedText } from "./MarkedText";
import { Picture } from "./Picture";
import "./response-card.css";

/** What every stored response has, whether of training or of an evaluation. */
export interface CardResponse {
  item_id: string;
  question: string;
  gold_answer: string;
  category: string | null;
  response: string;
  extracted_answer: string | null;
  is_correct: boolean;
  is_truncated: boolean;
  num_response_tokens: number;
  reward_parts: Record<string, number>;
}

interface Props {
  response: CardResponse;
  index: number;
  /** Address of the problem's picture; null for text only. */
  picture: string | null;
  /** The sum of the reward's parts, where it was made. */
  reward?: number;
  /** Words to mark in the response. */
  marks?: readonly string[];
  isWholeWord?: boolean;
  /** More about the problem, after its category. */
  note?: string;
  /** More about the response, before its length. */
  tags?: readonly string[];
}

/** One response beside its problem. All text of model and data set stays text. */
export function ResponseCard({ response, index, picture, reward, marks = [], isWholeWord = false, note = "", tags = [] }: Props) {
  return (
    <article className="card response" data-testid="response" data-index={index} data-correct={response.is_correct}>
      <div className="response-problem">
        {picture === null ? (
          <span className="picture-none soft small">text only</span>
        ) : (
          <Picture src={picture} alt={`Picture of problem ${response.item_id}`} />
        )}
        <p className="response-question">{response.question}</p>
        <p className="soft small">{[response.item_id, response.category ?? "", note].filter(Boolean).join(", ")}</p>
      </div>
      <div className="response-body">
        <div className="row response-verdict">
          <Verdict isCorrect={response.is_correct} />
          <span>
            <span className="soft">answer</span>{" "}
            {response.extracted_answer === null ? <i className="soft">none found</i> : <b className="mono">{response.extracted_answer}</b>}
          </span>
          <span>
            <span className="soft">gold</span> <b className="mono">{response.gold_answer}</b>
          </span>
          <span className="grow" />
          {[...(response.is_truncated ? ["truncated"] : []), ...tags].map((tag) => (
            <span key={tag} className="tag response-truncated">
              {tag}
            </span>
          ))}
          <span className="soft small">{formatPlural(response.num_response_tokens, "token")}</span>
        </div>
        <pre className="response-text" data-testid="response-text">
          <MarkedText text={response.response} words={marks} isWholeWord={isWholeWord} />
        </pre>
        <dl className="response-rewards">
          {reward === undefined ? null : (
            <div>
              <dt>Reward</dt>
              <dd>
                <b>{formatNumber(reward)}</b>
              </dd>
            </div>
          )}
          {Object.entries(response.reward_parts).map(([part, value]) => (
            <div key={part}>
              <dt>{capitalize(part)}</dt>
              <dd>{formatNumber(value)}</dd>
            </div>
          ))}
        </dl>
      </div>
    </article>
  );
}

function Verdict({ isCorrect }: { isCorrect: boolean }) {
  return (
    <span className="verdict" data-correct={isCorrect}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        <path
          d={isCorrect ? "M1.8 6.4 L4.8 9.3 L10.4 2.9" : "M2.2 2.2 L9.8 9.8 M9.8 2.2 L2.2 9.8"}
          fill="none"
          stroke="currentColor"
          strokeWidth="1.9"
        />
      </svg>
      {isCorrect ? "Right" : "Wrong"}
    </span>
  );
}
