/** What the tokens of a response can be coloured by, and how strongly. */
import type { Trajectory } from "@/api/client";
import { capitalize } from "@/format";

type Update = Trajectory["updates"][number];

export interface Quantity {
  name: string;
  title: string;
  meaning: string;
  /** One value for each response token. */
  values: number[];
  /** What is neither much nor little: 1 for a ratio, else 0. */
  centre: number;
}

/** Numbers of a column; those that JSON cannot hold come as words. */
export function toNumbers(column: readonly (number | string)[] | undefined): number[] | undefined {
  return column?.map(Number);
}

function difference(a: number[] | undefined, b: number[] | undefined): number[] | undefined {
  return a && b && a.map((value, at) => value - (b[at] ?? NaN));
}

/** Every quantity that the trace holds, those that a reader asks for first in front. */
export function listQuantities(trajectory: Trajectory, update: Update | undefined): Quantity[] {
  const columns: Record<string, number[] | undefined> = {};
  for (const [name, column] of Object.entries({ ...trajectory.columns, ...update?.columns })) columns[name] = toNumbers(column);
  const derived: [string, string, string, number[] | undefined][] = [
    [
      "drift",
      "Policy \u2212 rollout",
      "Log-probability under the trainer less that under the engine: 0 where both agree.",
      difference(columns.policy_logprobs, columns.rollout_logprobs),
    ],
    [
      "from_reference",
      "Policy \u2212 reference",
      "Log-probability under the policy less that under the frozen reference: how far training has moved it.",
      difference(columns.policy_logprobs, columns.reference_logprobs),
    ],
  ];
  const found = [
    ...derived,
    ...trajectory.tensors.map(({ name, title, meaning }) => [name, title, meaning, columns[name]] as const),
  ].flatMap(([name, title, meaning, values]): Quantity[] =>
    values ? [{ name, title: capitalize(title), meaning, values, centre: name === "ratio" || name === "correction_weights" ? 1 : 0 }] : [],
  );
  const rank = (name: string) => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length);
  return found.sort((a, b) => rank(a.name) - rank(b.name));
}

const FIRST = ["advantages", "ratio", "drift", "kl_loss", "from_reference", "entropy", "is_clipped", "surrogate_loss"];

export interface Shade {
  sign: "above" | "below" | "none";
  /** 0 to 1: how far from the centre, of the farthest token. */
  strength: number;
}

/** How far a token is from the centre, of the farthest one. Where all are at the centre none is shaded. */
export function shadeTokens({ values, centre }: Pick<Quantity, "values" | "centre">): Shade[] {
  const distances = values.map((value) => Math.abs(value - centre));
  const largest = Math.max(0, ...distances.filter(Number.isFinite));
  return values.map((value, at): Shade => {
    const distance = distances[at] ?? NaN;
    if (Number.isNaN(distance) || distance === 0) return { sign: "none", strength: 0 };
    const strength = Number.isFinite(distance) && largest > 0 ? distance / largest : 1;
    return { sign: value > centre ? "above" : "below", strength };
  });
}

export interface Legend {
  low: number;
  high: number;
  /** What lies left of the centre, on both sides of it, or right of it; none where all are at the centre. */
  sides: "below" | "both" | "above" | "none";
}

/** What the ends of the scale mean: the farthest distance from the centre, on the sides where tokens are. */
export function legendOf(quantity: Pick<Quantity, "values" | "centre">): Legend {
  const { values, centre } = quantity;
  const signs = new Set(shadeTokens(quantity).map(({ sign }) => sign));
  const largest = Math.max(0, ...values.map((value) => Math.abs(value - centre)).filter(Number.isFinite));
  const [hasBelow, hasAbove] = [signs.has("below"), signs.has("above")];
  return {
    low: hasBelow ? centre - largest : centre,
    high: hasAbove ? centre + largest : centre,
    sides: hasBelow && hasAbove ? "both" : hasBelow ? "below" : hasAbove ? "above" : "none",
  };
}

/** A token as one can see it: spaces and line ends get a sign of their own. */
export function visibleText(text: string): string {
  if (text === "") return "\u2205";
  return text.replaceAll("\n", "\u21b5").replaceAll("\t", "\u21e5").replace(/^ | $/g, "\u00b7");
}
