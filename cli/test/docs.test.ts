import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { exitCodes } from "../src/exit-codes.js";
import { buildProgram } from "../src/program.js";

/** This file is compiled to cli/dist/test. */
const page = readFileSync(new URL("../../../docs/cli.md", import.meta.url), "utf8");

const program = buildProgram(
  {
    env: {},
    stdin: new PassThrough(),
    stdout: new PassThrough(),
    stderr: new PassThrough(),
    onSignal: () => () => {},
    now: () => 0,
  },
  () => {},
);

function leaves(command: Command, path = ""): { path: string; command: Command }[] {
  const own = `${path} ${command.name()}`.trim();
  if (command.commands.length === 0) return [{ path: own, command }];
  return command.commands.flatMap((child) => leaves(child, own));
}

const flagsOf = (command: Command) => command.options.flatMap(({ long }) => long ?? []);

describe("docs/cli.md", () => {
  for (const { path, command } of leaves(program)) {
    it(`has \`${path}\` with each of its flags`, () => {
      const [, noun, ...verb] = path.split(" ");
      const overview = new RegExp(`^capstan ${noun} .*${verb.join(" ")}`, "m");
      assert.match(page, verb.length === 0 ? new RegExp(`^capstan ${noun}`, "m") : overview);
      assert.deepEqual(
        flagsOf(command).filter((flag) => !page.includes(`\`${flag}`)),
        [],
      );
    });
  }

  it("has the flags that every command takes, and their environment", () => {
    assert.deepEqual(
      flagsOf(program).filter((flag) => !page.includes(flag)),
      [],
    );
    const variables = program.options.flatMap(({ envVar }) => envVar ?? []);
    assert.ok(variables.length > 0);
    assert.deepEqual(
      variables.filter((name) => !page.includes(`\`${name}\``)),
      [],
    );
  });

  it("has a row for each exit code", () => {
    for (const code of Object.values(exitCodes))
      assert.match(page, new RegExp(`^\\| ${code} +\\|`, "m"));
  });
});
