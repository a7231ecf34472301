// Which suites run when: most in turn, those that wait much of their time beside them.

/**
 * Runs the suites in turn, and beside these, from the beginning, those with `beside`. What the former say is seen as
 * they say it; what the latter have said is printed whole, between two of the others.
 *
 * @param run (suite, "inherit" | "keep") => its result, with `said`
 * @param print takes a text
 * @returns `{ suite, result }` of each, in the order of `suites`
 */
export async function runAll(suites, run, print) {
  const results = new Map();
  const kept = [];
  let turnIsTaken = false;
  const printKept = () => {
    for (const { suite, result } of kept.splice(0)) {
      print(`\n=== ${suite.name} (ran beside the others)\n${result.said.trimEnd()}`);
    }
  };
  const beside = suites.filter((suite) => suite.beside === true);
  const inTurn = suites.filter((suite) => suite.beside !== true);
  // With nothing to run beside, there is nothing to keep apart.
  if (inTurn.length === 0) inTurn.push(...beside.splice(0));

  const runBeside = async (suite) => {
    const result = await run(suite, "keep");
    results.set(suite, result);
    kept.push({ suite, result });
    if (!turnIsTaken) printKept();
  };
  const runInTurn = async () => {
    turnIsTaken = true;
    for (const suite of inTurn) {
      print(`\n=== ${suite.name}`);
      results.set(suite, await run(suite, "inherit"));
      printKept();
    }
    turnIsTaken = false;
  };

  if (beside.length > 0) {
    print(`Beside the others, and printed when done: ${beside.map(({ name }) => name).join(", ")}`);
  }
  await Promise.all([runInTurn(), ...beside.map(runBeside)]);
  return suites.map((suite) => ({ suite, result: results.get(suite) }));
}
