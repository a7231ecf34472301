/**
 * The question that the job answers: how late are flights, by hour of the day and by distance?
 * Pure functions, used by the workers and by the plain loop that checks them.
 */

/** One flight. */
export interface Flight {
  /** How late it was. Whole minutes; negative when it was early. */
  readonly delay: number;
  /** How far it went. Miles. */
  readonly distance: number;
  /** When it left. Hours since midnight, 0 to 24: 13.5 is half past one. */
  readonly hour: number;
}

/** The distances that are told apart. Miles; each band ends where the next begins. */
export const bands = [
  { name: "under 500 mi", fromMiles: 0 },
  { name: "500 to 1000", fromMiles: 500 },
  { name: "1000 to 2000", fromMiles: 1000 },
  { name: "2000 and more", fromMiles: 2000 },
] as const;

/** A flight is late when it is later than this. Minutes. */
export const lateAfterMinutes = 15;

/**
 * The flights of one hour and one band, added up. Whole numbers only: whatever the order in which they
 * are added, the sums are the very same, so the answer can be compared exactly.
 */
export interface Tally {
  readonly flights: number;
  /** The sum of their delays. Minutes. */
  readonly minutes: number;
  /** How many of them were late. */
  readonly late: number;
}

/** Tallies by {@link keyOf}. */
export type Delays = Map<number, Tally>;

/** How tallies travel from worker to worker. */
export type Entry = readonly [key: number, tally: Tally];

/** The hour and the band of a flight as one number. */
export function keyOf({ hour, distance }: Flight): number {
  const band = bands.findLastIndex(({ fromMiles }) => distance >= fromMiles);
  return Math.floor(hour) * bands.length + band;
}

/** Adds one flight. */
export function addFlight(delays: Delays, flight: Flight): void {
  const { delay } = flight;
  const late = delay > lateAfterMinutes ? 1 : 0;
  addTally(delays, keyOf(flight), { flights: 1, minutes: delay, late });
}

/** Adds what was added up elsewhere. */
export function addTally(delays: Delays, key: number, tally: Tally): void {
  const before = delays.get(key) ?? { flights: 0, minutes: 0, late: 0 };
  delays.set(key, {
    flights: before.flights + tally.flights,
    minutes: before.minutes + tally.minutes,
    late: before.late + tally.late,
  });
}

/** The answer by a plain loop: what the job must come to. */
export function plainDelays(flights: Iterable<Flight>): Delays {
  const delays: Delays = new Map();
  for (const flight of flights) addFlight(delays, flight);
  return delays;
}

/** In words, where two answers differ; empty when they are equal. */
export function differences(actual: Delays, expected: Delays): string[] {
  const keys = new Set([...expected.keys(), ...actual.keys()]);
  return [...keys]
    .sort((a, b) => a - b)
    .filter((key) => textOf(actual.get(key)) !== textOf(expected.get(key)))
    .map((key) => {
      const hour = Math.floor(key / bands.length);
      const band = bands[key % bands.length]?.name ?? "?";
      return `hour ${hour}, ${band}: ${textOf(actual.get(key))}, not ${textOf(expected.get(key))}`;
    });
}

function textOf(tally: Tally | undefined): string {
  if (tally === undefined) return "nothing";
  return `${tally.flights} flights, ${tally.minutes} minutes, ${tally.late} late`;
}
