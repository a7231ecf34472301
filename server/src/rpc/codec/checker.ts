import { Violations } from "../errors.js";
import { defaults, limits, safeIntegerMax } from "../limits.js";
import type { UnsupportedFeature } from "../unsupported.js";
import { UnsupportedError, unsupportedFeatures } from "../unsupported.js";

const namePattern = /^[A-Za-z0-9][A-Za-z0-9._/-]{0,62}$/;
const namespacePattern = /^[a-z0-9-]{1,63}$/;
const stagePattern = /^[a-z][a-z0-9-]{0,62}$/;
const jobIdPattern = /^job_[0-9A-HJKMNP-TV-Z]{26}$/;

/**
 * Checks the fields of one request and collects what is wrong with them.
 *
 * It knows where it is (`stage`, `task`), and writes a path only when something is wrong: a good
 * request of thousands of tasks makes no string of it. Fields are named by what follows that place,
 * such as `.payload`.
 */
export class Checker {
  /** Made when there is one: nearly all requests are well. */
  #violations: Violations | undefined;
  /** Index of the stage that is looked at; -1: none. */
  stage = -1;
  /** Index of the task that is looked at; -1: none. */
  task = -1;
  #unsupported: Violations | undefined;

  /**
   * @param method the call, for what is not there yet
   * @param root what the place begins with: `job` in a submit, empty in an append
   */
  constructor(
    readonly method: string,
    readonly root: string,
  ) {}

  /** Nothing was found: the next of many begins, at its root. */
  begin(): void {
    this.#violations = this.#unsupported = undefined;
    this.stage = this.task = -1;
  }

  /** The path of a field here. */
  path(field: string): string {
    const { stage, task, root } = this;
    let path = stage < 0 ? root : `${root}.stages[${stage}]`;
    if (task >= 0) path += path === "" ? `tasks[${task}]` : `.tasks[${task}]`;
    return path === "" ? field.slice(1) : path + field;
  }

  fail(field: string, description: string): void {
    this.#found().add(this.path(field), description);
  }

  exceed(field: string, limit: number, actual: number, what: string): void {
    this.#found().exceed(this.path(field), limit, actual, what);
  }

  unsupported(field: string, feature: UnsupportedFeature): void {
    this.#unsupported ??= new Violations();
    this.#unsupported.add(this.path(field), unsupportedFeatures[feature]);
  }

  /** @throws what is invalid or too large so far: where the rest is not worth looking at */
  finishWholes(): void {
    this.#violations?.throwIfAny();
  }

  /** @throws what was found: invalid before too large before not there yet */
  finish(): void {
    this.finishWholes();
    if (this.#unsupported !== undefined) {
      throw new UnsupportedError(this.method, this.#unsupported.list);
    }
  }

  name(field: string, value: string): void {
    if (namePattern.test(value)) return;
    this.fail(field, value === "" ? "is missing" : "must match [A-Za-z0-9][A-Za-z0-9._/-]{0,62}");
  }

  namespace(field: string, value: string): string {
    if (value === "") return defaults.namespace;
    if (!namespacePattern.test(value)) this.fail(field, "must match [a-z0-9-]{1,63}");
    return value;
  }

  stageName(field: string, value: string): string {
    if (value === "") return defaults.stage;
    if (!stagePattern.test(value)) this.fail(field, "must match [a-z][a-z0-9-]{0,62}");
    return value;
  }

  jobId(field: string, value: string): string {
    if (!jobIdPattern.test(value)) {
      this.fail(field, value === "" ? "is missing" : "is no id of a job (job_ and 26 characters)");
    }
    return value;
  }

  /** Text of at most so many bytes. */
  text(field: string, value: string, bytesMax: number): void {
    // Three bytes a UTF-16 unit at the most: short texts need no count.
    if (value.length * 3 <= bytesMax) return;
    const bytes = Buffer.byteLength(value);
    if (bytes > bytesMax) this.fail(field, `has ${bytes} bytes; at most ${bytesMax}`);
  }

  host(field: string, value: string): void {
    if (value === "") this.fail(field, "is empty");
    else this.text(field, value, limits.hostBytes);
  }

  /** @returns false: there are too many, and they need not be looked at one by one */
  count(field: string, actual: number, most: number): boolean {
    if (actual <= most) return true;
    this.fail(field, `has ${actual} entries; at most ${most}`);
    return false;
  }

  /** A number within bounds. NaN is in none. */
  range(field: string, value: number, least: number, most: number): void {
    if (!(value >= least && value <= most)) {
      this.fail(field, `is ${value}; must be ${least} to ${most}`);
    }
  }

  /** A number that may be left out. @returns the number, or what holds without it */
  optional(
    field: string,
    value: number | undefined,
    least: number,
    most: number,
    fallback: number,
  ): number {
    if (value === undefined) return fallback;
    this.range(field, value, least, most);
    return value;
  }

  /** A length of time of which 0 means "no limit". */
  optionalLimit(field: string, value: number | undefined, least: number, fallback: number): number {
    if (value === undefined || value === 0) return value ?? fallback;
    this.range(field, value, least, limits.durationMs);
    return value;
  }

  /** A 64-bit number that must be exact as a double. */
  safeInteger(field: string, value: bigint): number {
    if (value > safeIntegerMax) {
      this.fail(field, "is beyond 9,007,199,254,740,991");
      return 0;
    }
    return Number(value);
  }

  unknownValue(field: string, value: number): void {
    this.fail(field, `${value} is no value of this enum that is known here`);
  }
  #found(): Violations {
    return (this.#violations ??= new Violations());
  }
}
