import { imageUrl } from "@/api/client";
import type { Sample } from "@/api/client";
import { Picture } from "@/components/Picture";
import { capitalize, formatNumber, formatPlural } from "@/format";

interface Props {
  sample: Sample;
  dataset: string;
}

/** One response beside its problem. All text of model and data set stays text. */
export function ResponseCard({ sample, dataset }: Props) {
  return (
    <article className="card response" data-testid="response" data-index={sample.index} data-correct={sample.is_correct}>
      <div className="response-problem">
        {sample.image_sha256 === null ? (
          <span className="picture-none soft small">text only</span>
        ) : (
          <Picture src={imageUrl(dataset, sample.image_sha256)} alt={`Picture of problem ${sample.item_id}`} />
        )}
        <p className="response-question">{sample.question}</p>
        <p className="soft small">
          {sample.item_id}
          {sample.category === null ? "" : `, ${sample.category}`}
        </p>
      </div>
      <div className="response-body">
        <div className="row response-verdict">
          <Verdict isCorrect={sample.is_correct} />
          <span>
            <span className="soft">answer</span>{" "}
            {sample.extracted_answer === null ? <i className="soft">none found</i> : <b className="mono">{sample.extracted_answer}</b>}
          </span>
          <span>
            <span className="soft">gold</span> <b className="mono">{sample.gold_answer}</b>
          </span>
          <span className="grow" />
          {sample.is_truncated ? <span className="tag response-truncated">truncated</span> : null}
          <span className="soft small">{formatPlural(sample.num_response_tokens, "token")}</span>
        </div>
        <pre className="response-text" data-testid="response-text">
          {sample.response}
        </pre>
        <dl className="response-rewards">
          <div>
            <dt>Reward</dt>
            <dd>
              <b>{formatNumber(sample.outcome_reward)}</b>
            </dd>
          </div>
          {Object.entries(sample.reward_parts).map(([part, value]) => (
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
