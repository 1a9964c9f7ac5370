import type { Estimate, Finding } from "@/api/report";
import { formatInterval, formatNumber } from "@/format";

const SHAPES: Record<Finding["verdict"], React.ReactNode> = {
  true: <path d="M1.8 6.4 L4.8 9.3 L10.4 2.9" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  false: <path d="M2.2 2.2 L9.8 9.8 M9.8 2.2 L2.2 9.8" fill="none" stroke="currentColor" strokeWidth="1.9" />,
  "not decidable": <path d="M1.4 7.4 C3 3.6 4.6 3.8 6 6 S9 8.4 10.6 4.6" fill="none" stroke="currentColor" strokeWidth="1.9" />,
};

/** The paper's claims, each true, false or not decidable on this experiment's numbers. */
export function Findings({ findings }: { findings: readonly Finding[] }) {
  return (
    <ul className="findings card" data-testid="findings">
      {findings.map((finding) => (
        <li key={`${finding.name} ${finding.claim}`} className="finding" data-verdict={finding.verdict}>
          <span className="finding-verdict">
            <svg viewBox="0 0 12 12" width="12" height="12" aria-hidden="true">
              {SHAPES[finding.verdict]}
            </svg>
            {finding.verdict}
          </span>
          <div className="finding-text">
            <p className="finding-claim">{finding.claim}</p>
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
