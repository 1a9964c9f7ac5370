import type { Trajectory } from "@/api/client";

import type { Quantity } from "./quantities";

const STEPS = [
  { name: "data_flow", title: "Data flow", does: "The problem becomes a prompt: text and picture as tokens, each with its position." },
  { name: "response_collection", title: "Response collection", does: "The policy writes a response, token by token, and notes how likely each was." },
  {
    name: "trajectory_generation",
    title: "Trajectory generation",
    does: "The response is judged and measured: rewards, log-probabilities, returns, advantages.",
  },
  { name: "policy_update", title: "Policy update", does: "Tokens with a positive advantage are made likelier, the others less likely, within the clip." },
] as const;

interface Props {
  trajectory: Trajectory;
  quantities: Quantity[];
  shown: string | undefined;
  onShow: (name: string) => void;
}

/** The four steps from left to right, each with its tensors. A tensor of tokens colours the response. */
export function Flow({ trajectory, quantities, shown, onShow }: Props) {
  const canShow = new Set(quantities.map(({ name }) => name));
  return (
    <ol className="flow" aria-label="The four steps">
      {STEPS.map(({ name, title, does }, at) => (
        <li key={name} className="card flow-step" data-testid={`flow-${name}`}>
          <h2>
            <span className="flow-number" aria-hidden="true">
              {at + 1}
            </span>
            {title}
          </h2>
          <p className="soft small">{does}</p>
          <table className="flow-tensors">
            <thead className="visually-hidden">
              <tr>
                <th scope="col">Tensor</th>
                <th scope="col">Shape</th>
                <th scope="col">Type</th>
              </tr>
            </thead>
            <tbody>
              {trajectory.tensors
                .filter((tensor) => tensor.paper_step === name)
                .map((tensor) => (
                  <tr key={tensor.name} data-tensor={tensor.name}>
                    <th scope="row" title={tensor.meaning}>
                      {canShow.has(tensor.name) ? (
                        <button type="button" className="flow-show" aria-pressed={tensor.name === shown} onClick={() => onShow(tensor.name)}>
                          {tensor.title}
                        </button>
                      ) : (
                        tensor.title
                      )}
                    </th>
                    <td className="mono" title={`[${tensor.axes.join(", ")}]`}>
                      {tensor.shape.join(" \u00d7 ")}
                    </td>
                    <td className="mono soft">{tensor.dtype}</td>
                  </tr>
                ))}
            </tbody>
          </table>
        </li>
      ))}
    </ol>
  );
}
