import type { Trajectory } from "@/api/client";
import { capitalize, formatNumber, formatPlural } from "@/format";

interface Term {
  name: string;
  how: string;
  value: number;
}

/** Reward parts that add up to the outcome. */
export function RewardSum({ trajectory }: { trajectory: Trajectory }) {
  const terms: Term[] = trajectory.reward_parts.map(({ name, value, weight }) => ({
    name: capitalize(name),
    how: weight === 1 ? "" : `${formatNumber(weight)} \u00d7 ${formatNumber(value)}`,
    value: value * weight,
  }));
  if (Math.abs(trajectory.reward_adjustment) > 1e-12) {
    terms.push({
      name: "Adjustment",
      how: trajectory.is_finished ? "" : "cut off: a fixed reward in place of the parts",
      value: trajectory.reward_adjustment,
    });
  }
  return <Sum title="Reward" terms={terms} total="Outcome" value={trajectory.outcome} testId="reward-sum" />;
}

/** Loss terms that add up to what the response adds to an update's loss. */
export function LossSum({ trajectory, update }: { trajectory: Trajectory; update: Trajectory["updates"][number] | undefined }) {
  if (update === undefined) return null;
  const num = trajectory.response.length;
  const terms: Term[] = [
    {
      name: "Surrogate",
      how: `${formatNumber(update.loss_weight)} \u00d7 sum over ${formatPlural(num, "token")}`,
      value: update.surrogate_contribution,
    },
  ];
  if (update.kl_contribution !== null) {
    terms.push({ name: "KL", how: `${formatNumber(update.kl_weight)} \u00d7 sum over ${formatPlural(num, "token")}`, value: update.kl_contribution });
  }
  const title = `Loss of this response in update ${update.index + 1}`;
  const note = `The update has ${formatPlural(update.num_responses, "response")} with ${formatPlural(update.num_tokens, "token")}; a token weighs ${formatNumber(update.loss_weight)}.`;
  return <Sum title={title} terms={terms} total="Contribution" value={update.contribution} note={note} testId="loss-sum" />;
}

interface SumProps {
  title: string;
  terms: Term[];
  total: string;
  value: number;
  note?: string;
  testId: string;
}

function Sum({ title, terms, total, value, note, testId }: SumProps) {
  return (
    <section className="card steps-panel" data-testid={testId} data-total={value}>
      <h2>{title}</h2>
      <table className="sum">
        <tbody>
          {terms.map((term) => (
            <tr key={term.name} data-term={term.name} data-value={term.value}>
              <th scope="row">{term.name}</th>
              <td className="soft small">{term.how}</td>
              <td className="number">{formatNumber(term.value)}</td>
            </tr>
          ))}
        </tbody>
        <tfoot>
          <tr>
            <th scope="row">{total}</th>
            <td />
            <td className="number">{formatNumber(value)}</td>
          </tr>
        </tfoot>
      </table>
      {note === undefined ? null : <p className="soft small">{note}</p>}
    </section>
  );
}
