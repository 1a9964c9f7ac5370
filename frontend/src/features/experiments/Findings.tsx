import type { Estimate, Finding } from "@/api/report";
import { formatInterval, formatNumber } from "@/format";

import { groupFindings } from "./finding-groups";
import type { FindingGroup } from "./finding-groups";

const SHAPES: Record<Finding["verdict"], React.ReactNode> = {
  true: <path d="M1.8 6.4 L4.8 9.3 L10.4 2.9" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  false: <path d="M2.2 2.2 L9.8 9.8 M9.8 2.2 L2.2 9.8" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  "not decidable": <path d="M1.4 7.4 C3 3.6 4.6 3.8 6 6 S9 8.4 10.6 4.6" fill="none" stroke="currentColor" strokeWidth="1.9" />,
};

/** The paper's claims, each true, false or not decidable on this experiment's numbers. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <div className="findings card" data-testid="findings">
      {groupFindings(findings).map((group) => (
        <Group key={group.claim} group={group} />
      ))}
    </div>
  );
}

function Group({ group: { claim, members, counts } }: { group: FindingGroup }) {
  const [only] = members;
  return (
    <details className="finding-group">
      <summary>
        <b>{claim}</b>
        <span className="soft finding-where">{members.length === 1 ? only?.place : `in ${members.length} places`}</span>
        <span className="finding-counts">
          {counts.map(({ verdict, count }) => (
            <Verdict key={verdict} verdict={verdict} text={members.length === 1 ? verdict : `${count} ${verdict}`} />
          ))}
        </span>
      </summary>
      <ul>
        {members.map(({ place, finding }) => (
          <li key={`${finding.name} ${finding.claim}`} className="finding">
            <Verdict verdict={finding.verdict} text={finding.verdict} />
            <div className="finding-text">
              {place === "" ? null : <p className="finding-place">{place}</p>}
              <p className="soft">{finding.sentence}</p>
            </div>
            <dl className="finding-numbers small">
              {Object.entries(finding.estimates).map(([name, estimate]) => (
                <div key={name} title={`${estimate.method}, n=${estimate.num_observations}`}>
                  <dt className="soft">{name}</dt>
                  <dd>
                    <EstimateText estimate={estimate} />
                  </dd>
                </div>
              ))}
            </dl>
          </li>
        ))}
      </ul>
    </details>
  );
}

/** A verdict as a word with its colour and shape. */
function Verdict({ verdict, text }: { verdict: Finding["verdict"]; text: string }) {
  return (
    <span className="finding-verdict" data-verdict={verdict}>
      <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
        {SHAPES[verdict]}
      </svg>
      {text}
    </span>
  );
}

export function EstimateText({ estimate }: { estimate: Estimate }) {
  const write = (value: number) => formatNumber(value, 3);
  return (
    <>
      <b>{write(estimate.value)}</b>{" "}
      {estimate.low === null && estimate.high === null ? null : <span className="soft">{formatInterval(estimate, write)}</span>}
    </>
  );
}
