import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import type { Command } from "commander";
import { exitCodes } from "../src/exit-codes.js";
import { jobFile } from "../src/job-file/schema.js";
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

/** `tasks[].inputs[]` is the field `inputs`, whether the page marks it as a list or not. */
const withoutList = (path: string) => path.replace(/\[\]$/, "");

const flagsOf = (command: Command) => command.options.flatMap(({ long }) => long ?? []);

/** A node of zod, as far as fields are looked for. */
interface Node {
  readonly def: {
    readonly type: string;
    readonly shape?: Readonly<Record<string, Node>>;
    readonly element?: Node;
    readonly innerType?: Node;
    readonly in?: Node;
    readonly options?: readonly Node[];
  };
}

/** The paths of all fields below a node. What stands in several places is written down once. */
function fieldsBelow({ def }: Node, path = ""): string[] {
  const shared = ["constraints", "policy"].find((name) => path.endsWith(name)) ?? path;
  switch (def.type) {
    case "object":
      return Object.entries(def.shape ?? {}).flatMap(([name, field]) => {
        const own = shared === "" ? name : `${shared}.${name}`;
        return [own, ...fieldsBelow(field, own)];
      });
    case "array":
      return def.element === undefined ? [] : fieldsBelow(def.element, `${path}[]`);
    case "union":
      return (def.options ?? []).flatMap((option) => fieldsBelow(option, path));
    case "optional":
    case "pipe": {
      const inner = def.innerType ?? def.in;
      return inner === undefined ? [] : fieldsBelow(inner, path);
    }
    default:
      return [];
  }
}

describe("docs/cli.md", () => {
  it("has each field that a job definition takes, and no other", () => {
    const taken = new Set(fieldsBelow(jobFile as unknown as Node).map(withoutList));
    assert.ok(taken.size > 60);
    const [, section = ""] = /^### Every field\n([^]*?)^## /m.exec(page) ?? [];
    const shown = [...section.matchAll(/^\| `([^`]+)` +\|/gm)].map(([, path = ""]) => path);
    const told = new Set(shown.map(withoutList));
    // A field of fields is told by its own; what is left of these has none.
    const groups = [...taken].filter((path) => [...taken].some((of) => of.startsWith(`${path}.`)));
    assert.deepEqual(
      [...taken].filter((path) => !told.has(path) && !groups.includes(path)),
      [],
    );
    assert.deepEqual(
      [...told].filter((path) => !taken.has(path)),
      [],
    );
  });

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
