/** Findings by what they claim: the same claim is tested in each place, that is on each split and way to decode. */
import type { Finding } from "@/api/report";

export const VERDICTS = ["true", "false", "not decidable"] as const satisfies readonly Finding["verdict"][];

export interface FindingGroup {
  claim: string;
  members: { place: string; finding: Finding }[];
  /** Verdicts that occur, with how often. */
  counts: { verdict: Finding["verdict"]; count: number }[];
}

/** `rl beats vanilla (m on d; test)` as its claim and its place; a claim without a place is its own. */
function splitClaim(claim: string): [string, string] {
  const match = /^(.*\S)\s+\((.*)\)$/.exec(claim);
  return match === null ? [claim, ""] : [match[1] ?? claim, match[2] ?? ""];
}

export function groupFindings(findings: readonly Finding[]): FindingGroup[] {
  const groups = new Map<string, FindingGroup["members"]>();
  for (const finding of findings) {
    const [claim, place] = splitClaim(finding.claim);
    const members = groups.get(claim) ?? [];
    groups.set(claim, members);
    members.push({ place, finding });
  }
  return [...groups].map(([claim, members]) => ({
    claim,
    members,
    counts: VERDICTS.map((verdict) => ({
      verdict,
      count: members.filter(({ finding }) => finding.verdict === verdict).length,
    })).filter(({ count }) => count > 0),
  }));
}
