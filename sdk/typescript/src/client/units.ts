import type { Resource } from "@capstan/proto/capstan/v1/common.js";
import type { ResourceUnits } from "../job-definition.js";

/** Decimal fractions are not exact: 1.1 * 1,000 is 1,100.0000000000002. */
const roundingError = 1e-9;

/**
 * Units as thousandths. What is within a rounding error of one is it; what lies between two is nobody's to guess:
 * rounded down it would take no room, rounded up more than was asked for.
 *
 * @throws RangeError for an amount that is negative, not finite, beyond 2^53 - 1 thousandths, or no whole number of
 *   them
 */
export function milliOf(units: ResourceUnits): Resource[] {
  return Object.entries(units).map(([name, amount]) => {
    const milli = Math.round(amount * 1_000);
    if (!Number.isSafeInteger(milli) || milli < 0) {
      throw new RangeError(`resource ${name}: ${amount} is not an amount`);
    }
    if (Math.abs(amount * 1_000 - milli) > roundingError * Math.max(1, milli)) {
      throw new RangeError(`resource ${name}: ${amount} is no multiple of 0.001`);
    }
    return { name, milli: BigInt(milli) };
  });
}
