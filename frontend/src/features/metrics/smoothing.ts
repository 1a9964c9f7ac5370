/**
 * Exponential moving average without the bias of its start: the weights of the values seen so far
 * are divided by their sum. A value that is not finite stays a gap and does not disturb the rest.
 */
export function smooth(values: readonly (number | null)[], weight: number): (number | null)[] {
  let sum = 0;
  let total = 0;
  return values.map((value) => {
    if (value === null || !Number.isFinite(value)) return null;
    sum = weight * sum + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return sum / total;
  });
}
