/** Which traced response is shown and how, as it stands in the address. */
export interface StepsSearch {
  step?: number;
  sample?: number;
  update?: number;
  show?: string;
}

const NUMBERS = ["step", "sample", "update"] as const;

export function parseStepsSearch(raw: Record<string, unknown>): StepsSearch {
  const search: StepsSearch = {};
  for (const name of NUMBERS) {
    const value = raw[name] === undefined ? NaN : Number(raw[name]);
    if (Number.isInteger(value) && value >= 0) search[name] = value;
  }
  if (typeof raw.show === "string" && raw.show !== "" && raw.show.length <= 40) search.show = raw.show;
  return search;
}
