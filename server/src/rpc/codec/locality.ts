import type { Input } from "@capstan/proto/capstan/v1/common.js";
import { limits, safeIntegerMax } from "../limits.js";

const nowhere: readonly string[] = [];

/** A size as a number; those beyond 2^53 weigh as 2^53. */
export function sizeOf(input: Input): number {
  const { sizeBytes } = input;
  return sizeBytes > safeIntegerMax ? Number.MAX_SAFE_INTEGER : Number(sizeBytes);
}

/** Bytes of all inputs together. */
export function inputBytesOf(inputs: readonly Input[]): number {
  let sum = 0;
  for (let i = 0; i < inputs.length; i++) sum += sizeOf(inputs[i] as Input);
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}

/**
 * The hosts that hold the most of a task's inputs, the most first; those that hold equally much in
 * the order in which they are named.
 */
export function hostsOf(inputs: readonly Input[]): readonly string[] {
  if (inputs.length === 0) return nowhere;
  if (inputs.length === 1) return distinct((inputs[0] as Input).hosts);
  const bytes = new Map<string, number>();
  for (const input of inputs) {
    const size = sizeOf(input);
    for (const host of distinct(input.hosts, limits.inputHosts)) {
      bytes.set(host, (bytes.get(host) ?? 0) + size);
    }
  }
  const ranked = [...bytes].sort(([, a], [, b]) => b - a);
  return ranked.slice(0, limits.placementHosts).map(([host]) => host);
}

/** Few enough that looking through what was seen beats a set. */
function distinct(
  hosts: readonly string[],
  most: number = limits.placementHosts,
): readonly string[] {
  let isDistinct = hosts.length <= most;
  for (let i = 1; isDistinct && i < hosts.length; i++) {
    isDistinct = hosts.indexOf(hosts[i] as string) === i;
  }
  return isDistinct ? hosts : [...new Set(hosts)].slice(0, most);
}
