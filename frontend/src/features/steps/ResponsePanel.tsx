import { useRef, useState } from "react";

import type { Trajectory } from "@/api/client";
import { formatNumber, formatPlural } from "@/format";

import { legendOf, shadeTokens, visibleText } from "./quantities";
import type { Quantity } from "./quantities";
import { TokenTable } from "./TokenTable";

interface Props {
  trajectory: Trajectory;
  quantities: Quantity[];
  shown: Quantity;
  onShow: (name: string) => void;
}

const MOVES: Record<string, number> = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** The response token by token, coloured by a quantity; all numbers of the token that is pointed at. */
export function ResponsePanel({ trajectory, quantities, shown, onShow }: Props) {
  const [at, setAt] = useState(0);
  const strip = useRef<HTMLOListElement>(null);
  const tokens = trajectory.response;
  const shades = shadeTokens(shown);
  const legend = legendOf(shown);
  const onKeyDown = (event: React.KeyboardEvent) => {
    const next = event.key === "Home" ? 0 : event.key === "End" ? tokens.length - 1 : at + (MOVES[event.key] ?? 0);
    if (!(event.key in MOVES || event.key === "Home" || event.key === "End")) return;
    event.preventDefault();
    strip.current?.querySelectorAll("button")[Math.min(Math.max(next, 0), tokens.length - 1)]?.focus();
  };
  return (
    <section className="card steps-panel" aria-labelledby="steps-response">
      <div className="row">
        <h2 id="steps-response">Response</h2>
        <span className="verdict" data-correct={trajectory.is_correct}>
          {trajectory.is_correct ? "\u2713 right" : "\u2717 wrong"}
        </span>
        {trajectory.is_finished ? null : <span className="tag">cut off</span>}
        <span className="soft">{formatPlural(tokens.length, "token")}</span>
        <span className="grow" />
        <label className="row">
          <span className="soft">coloured by</span>
          <select value={shown.name} onChange={(event) => onShow(event.target.value)} data-testid="quantity-select">
            {quantities.map(({ name, title }) => (
              <option key={name} value={name}>
                {title}
              </option>
            ))}
          </select>
        </label>
      </div>
      <div className="row steps-legend small">
        <span className="soft">{shown.meaning}</span>
        <span className="grow" />
        {legend.sides === "none" ? (
          <span className="legend-range">{formatNumber(legend.low)} at every token</span>
        ) : (
          <span className="legend-range" title="Stronger colour: farther from the neutral value">
            {formatNumber(legend.low)} <span className="legend-bar" data-sides={legend.sides} aria-hidden="true" /> {formatNumber(legend.high)}
          </span>
        )}
      </div>
      {/* One stop of the Tab key; arrows go from token to token. */}
      <ol className="tokens" ref={strip} data-testid="token-strip" data-quantity={shown.name}>
        {tokens.map(({ text }, place) => (
          <li key={place}>
            <button
              type="button"
              className="token"
              data-sign={shades[place]?.sign}
              data-value={shown.values[place]}
              style={{ "--strength": `${Math.round((shades[place]?.strength ?? 0) * 100)}%` } as React.CSSProperties}
              aria-label={`Token ${place}, ${visibleText(text)}, ${shown.title} ${formatNumber(shown.values[place] ?? NaN)}`}
              aria-current={place === at}
              tabIndex={place === at ? 0 : -1}
              onFocus={() => setAt(place)}
              onPointerEnter={() => setAt(place)}
              onKeyDown={onKeyDown}
            >
              {visibleText(text)}
            </button>
            {text.includes("\n") ? <br /> : null}
          </li>
        ))}
      </ol>
      <TokenDetails trajectory={trajectory} quantities={quantities} shown={shown.name} at={at} />
      <TokenTable trajectory={trajectory} quantities={quantities} />
    </section>
  );
}

function TokenDetails({ trajectory, quantities, shown, at }: Omit<Props, "shown" | "onShow"> & { shown: string; at: number }) {
  const token = trajectory.response[at];
  if (token === undefined) return null;
  return (
    <div className="token-details" data-testid="token-details" data-token={at}>
      <p>
        <b>Token {at}</b> <code className="token-quoted">{visibleText(token.text)}</code> <span className="soft">id {token.id}</span>
      </p>
      <dl>
        {quantities.map(({ name, title, meaning, values }) => (
          <div key={name} title={meaning} data-shown={name === shown}>
            <dt>{title}</dt>
            <dd data-quantity={name}>{formatNumber(values[at] ?? NaN, 6)}</dd>
          </div>
        ))}
      </dl>
    </div>
  );
}
