import { InvalidArgumentError } from "commander";

const unitsMs: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** `500ms`, `30s`, `5m`, `1.5h`, `7d`: a length of time, in milliseconds. */
export function duration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const value = Math.round(Number(amount) * (unitsMs[unit ?? ""] ?? NaN));
  if (value > 0 && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("A length of time is wanted, like 500ms, 30s, 5m or 7d.");
}

/** Any text but an empty one: a variable of a script that is not set must not mean "none". */
export function filled(text: string): string {
  if (text.trim() !== "") return text;
  throw new InvalidArgumentError("It is empty: leave it out where nothing is meant.");
}

/** A whole number from 0. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new InvalidArgumentError("A whole number is wanted, 0 or more.");
}

/** `key=value`, gathered over repeated flags. */
export function label(
  text: string,
  before: Readonly<Record<string, string>> = {},
): Readonly<Record<string, string>> {
  const at = text.indexOf("=");
  if (at <= 0) throw new InvalidArgumentError("A label is wanted as key=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

/** One of several words, or several of them with commas, gathered over repeated flags. */
export function oneOf<Word extends string>(words: readonly Word[]) {
  return (text: string, before: readonly Word[] = []): readonly Word[] => {
    const given = text.split(",").map((word) => {
      const known = words.find((candidate) => candidate === word.trim());
      if (known === undefined) {
        throw new InvalidArgumentError(`Allowed choices are ${words.join(", ")}.`);
      }
      return known;
    });
    return [...before, ...given];
  };
}
