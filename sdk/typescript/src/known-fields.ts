import { closest, distance } from "fastest-levenshtein";
import { InvalidArgumentError } from "./errors.js";

/**
 * The fields of what a program gives. Types hold them in TypeScript; a caller in JavaScript, or one that builds
 * its objects, would have a field that is misspelt or misplaced ignored, and a job without its idempotency key
 * runs twice. So what is not known is refused, by name.
 */
export interface Shape {
  readonly kind: "object" | "list" | "table";
  /** By name: what is known of what is below, or null where a field's content is not looked into. */
  readonly fields: Readonly<Record<string, Shape | null>>;
  /** The words that it may be instead. One that is misspelt would be taken for the default. */
  readonly words?: readonly string[];
}

/** All fields of a type: one that is left out, or one too many, does not compile. */
export function fieldsOf<T>(fields: { readonly [K in keyof Required<T>]: Shape | null }): Shape {
  return { kind: "object", fields };
}

/** One of several words, or, where a shape is given, an object of that. */
export const wordsOf = <Word extends string>(words: readonly Word[], shape?: Shape): Shape => ({
  kind: "object",
  fields: {},
  ...shape,
  words,
});

/** Objects in a list. */
export const listOf = ({ fields }: Shape): Shape => ({ kind: "list", fields });

/** Objects under names of the caller's own. */
export const tableOf = ({ fields }: Shape): Shape => ({ kind: "table", fields });

/** Says where else there is a field of a name. */
export type Elsewhere = (name: string) => string;

const nowhere: Elsewhere = () => "";

/**
 * Refuses a field that is not known, in an object and in what is below it.
 * @param place where it stands (`stages[0]`); empty: it is what was given
 * @throws InvalidArgumentError whose violation names the field, and whose text says which was meant
 */
export function refuseUnknown(
  given: unknown,
  shape: Shape,
  place = "",
  elsewhere: Elsewhere = nowhere,
): void {
  if (typeof given !== "object" || given === null) return refuseOtherWord(given, shape, place);
  if (shape.kind === "object") {
    refuseIn(given, shape, place, elsewhere);
  } else if (shape.kind === "table") {
    for (const [name, one] of Object.entries(given)) {
      refuseIn(one, shape, below(place, name), elsewhere);
    }
  } else if (Array.isArray(given)) {
    for (let i = 0; i < given.length; i++) refuseIn(given[i], shape, `${place}[${i}]`, elsewhere);
  }
}

function refuseOtherWord(given: unknown, { words }: Shape, place: string): void {
  if (given === undefined || words === undefined) return;
  const word = String(given);
  if (words.includes(word)) return;
  const nearest = nearestTo(word, words);
  const meant = nearest === undefined ? "" : `, ${nearest} may be meant`;
  refuse(place, `${JSON.stringify(word)} is none of ${words.join(", ")}${meant}`);
}

/** @throws InvalidArgumentError for what stands at a place */
export function refuse(place: string, description: string): never {
  const violations = [{ field: place, description }];
  const text = place === "" ? description : `${place}: ${description}`;
  throw new InvalidArgumentError(text, { code: "INVALID_ARGUMENT", violations });
}

function refuseIn(given: unknown, { fields }: Shape, place: string, elsewhere: Elsewhere): void {
  if (typeof given !== "object" || given === null) return;
  for (const name in given) {
    const shape = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (shape === undefined) {
      const description = describeUnknown(name, Object.keys(fields), elsewhere(name));
      const text = place === "" ? description : `${place}: ${description}`;
      const violations = [{ field: below(place, name), description }];
      throw new InvalidArgumentError(text, { code: "INVALID_ARGUMENT", violations });
    }
    if (shape === null) continue;
    const value = (given as Record<string, unknown>)[name];
    refuseUnknown(value, shape, below(place, name), elsewhere);
  }
}

const below = (place: string, name: string): string => (place === "" ? name : `${place}.${name}`);

/**
 * What is wrong with a field that is not known: where else one of that name is, or which of those that there are
 * is nearest to it.
 */
export function describeUnknown(name: string, known: readonly string[], elsewhere = ""): string {
  const what = `there is no field ${name} here`;
  const all = `the fields are ${known.join(", ")}`;
  if (elsewhere !== "") return `${what}, it is ${elsewhere}; ${all}`;
  const nearest = nearestTo(name, known);
  return nearest === undefined ? `${what}; ${all}` : `${what}, ${nearest} may be meant; ${all}`;
}

function nearestTo(name: string, known: readonly string[]): string | undefined {
  if (known.length === 0) return undefined;
  const own = name.toLowerCase();
  const lower = known.map((one) => one.toLowerCase());
  const nearest = closest(own, lower);
  // Further away than that it is another word.
  if (distance(own, nearest) > Math.max(1, own.length / 3)) return undefined;
  return known.find((one) => one.toLowerCase() === nearest);
}
