import type { Resource } from "@capstan/proto/capstan/v1/common.js";
import type { ResourceUnits } from "../job-definition.js";

/**
 * Units as thousandths, rounded.
 * @throws RangeError for an amount that is negative, not finite or beyond 2^53 - 1 thousandths
 */
export function milliOf(units: ResourceUnits): Resource[] {
  return Object.entries(units).map(([name, amount]) => {
    const milli = Math.round(amount * 1_000);
    if (!Number.isSafeInteger(milli) || milli < 0) {
      throw new RangeError(`resource ${name}: ${amount} is not an amount`);
    }
    return { name, milli: BigInt(milli) };
  });
}
