import type { State } from "../../../src/core/index.js";
import { digest } from "../../../src/core/index.js";

/** The durable state as text: the same text is the same state. */
export function digestOf(state: State): string {
  return JSON.stringify(digest(state));
}

/** Where two of them differ; undefined: nowhere. */
export function firstDifference(has: string, should: string): string | undefined {
  if (has === should) return undefined;
  let at = 0;
  while (at < has.length && has[at] === should[at]) at += 1;
  const from = Math.max(0, at - 120);
  return `…${has.slice(from, at + 80)}… instead of …${should.slice(from, at + 80)}…`;
}
