import type { Rejected } from "../decision.js";
import { reject } from "../decision.js";
import type { State } from "../state/state.js";

/**
 * How many jobs, stages and tasks there can be over the life of a journal: their numbers are 32 bits wide, in
 * columns, tokens and the journal, and are never given out twice. One less than those bits hold, for columns in
 * which 0 means none. At 10,000 tasks a second that lasts five days, at 1,000 seven weeks.
 */
const numbersMax = 2 ** 32 - 1;

/** Hosts of tasks are numbered on like them; some may be added to tasks that are here, when their stage opens. */
const hostsMax = 2 ** 32 - 2 ** 30;

/**
 * The answer to a request for which there are not enough numbers left, before anything would be given the number
 * of something else.
 *
 * @returns undefined: there are enough
 */
export function refuseBeyondNumbers(
  state: State,
  jobs: number,
  stages: number,
  tasks: number,
): Rejected | undefined {
  if (state.tasks.count + tasks > numbersMax) return exhausted("tasks", numbersMax);
  if (state.hostPool.size > hostsMax) return exhausted("hosts of tasks", hostsMax);
  if (state.stages.count + stages > numbersMax) return exhausted("stages", numbersMax);
  if (state.jobs.count + jobs > numbersMax) return exhausted("jobs", numbersMax);
  return undefined;
}

function exhausted(what: string, limit: number): Rejected {
  return reject(
    "numbers_exhausted",
    `this journal has had nearly ${limit} ${what}, and can number no more: go on with a new journal`,
    { what, limit: String(limit) },
  );
}
