// Mocha's own `spec` reporter, which also leaves the counts in the file named by CAPSTAN_TEST_COUNTS:
// tools/test.mjs adds them up over the suites.
import { writeFileSync } from "node:fs";
import Mocha from "mocha";

export default class CountingReporter extends Mocha.reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.once(Mocha.Runner.constants.EVENT_RUN_END, () => {
      const { passes: passed, failures: failed, pending: skipped } = this.stats;
      writeFileSync(process.env.CAPSTAN_TEST_COUNTS, JSON.stringify({ passed, failed, skipped }));
    });
  }
}
