/** What the auditor has found: the first sentence that does not hold ends the run. */
export class Verdict {
  /** The promise that was broken, and by what. */
  violation: string | undefined;
  /** How many checks were made: a run that checked nothing proves nothing. */
  checks = 0;

  /** @param sentence what should have held, and what was there instead */
  check(holds: boolean, sentence: () => string): boolean {
    this.checks += 1;
    if (!holds) this.fail(sentence());
    return holds;
  }

  fail(sentence: string): void {
    this.violation ??= sentence;
  }
}
