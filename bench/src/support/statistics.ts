/**
 * The value below which a share of the sample lies (nearest rank).
 *
 * @param share from 0 to 1
 * @throws RangeError if the sample is empty
 */
export function quantile(sample: readonly number[], share: number): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const at = Math.max(0, Math.ceil(share * sorted.length) - 1);
  const value = sorted[at];
  if (value === undefined) throw new RangeError("an empty sample has no quantile");
  return value;
}

/** The middle of a sample; of an even one the mean of the middle two. */
export function median(sample: readonly number[]): number {
  const sorted = [...sample].sort((a, b) => a - b);
  const low = sorted[(sorted.length - 1) >> 1];
  const high = sorted[sorted.length >> 1];
  if (low === undefined || high === undefined) {
    throw new RangeError("an empty sample has no median");
  }
  return (low + high) / 2;
}

/** To so many digits after the point: what is printed need not promise more than was measured. */
export function round(value: number, digits = 0): number {
  return Number(value.toFixed(digits));
}
