import { useState } from "react";

import type { Trajectory } from "@/api/client";
import { formatNumber } from "@/format";

import { visibleText } from "./quantities";
import type { Quantity } from "./quantities";

interface Props {
  trajectory: Trajectory;
  quantities: Quantity[];
}

/** Every number of every token; built only when it is opened. */
export function TokenTable({ trajectory, quantities }: Props) {
  const [isOpen, setIsOpen] = useState(false);
  return (
    <details onToggle={(event) => setIsOpen(event.currentTarget.open)}>
      <summary>As a table</summary>
      {isOpen ? (
        <div className="token-table" role="region" aria-label="Numbers of every token" tabIndex={-1}>
          <table>
            <thead>
              <tr>
                <th scope="col" className="number">
                  #
                </th>
                <th scope="col">Token</th>
                <th scope="col" className="number">
                  Id
                </th>
                {quantities.map(({ name, title, meaning }) => (
                  <th key={name} scope="col" className="number" title={meaning}>
                    {title}
                  </th>
                ))}
              </tr>
            </thead>
            <tbody>
              {trajectory.response.map(({ id, text }, at) => (
                <tr key={at}>
                  <td className="number soft">{at}</td>
                  <th scope="row" className="mono">
                    {visibleText(text)}
                  </th>
                  <td className="number soft">{id}</td>
                  {quantities.map(({ name, values }) => (
                    <td key={name} className="number" title={String(values[at])}>
                      {formatNumber(values[at] ?? NaN)}
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      ) : null}
    </details>
  );
}
