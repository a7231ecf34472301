import type { Command } from "commander";

/** What the command is called. */
export const helpName = "help";

/** `capstan help job run`: commander's own takes the first name alone. */
export function addHelp(root: Command): void {
  root
    .command(helpName)
    .description("show the help of a command: capstan help job run")
    .argument("[command...]", "its names")
    .action((names: readonly string[]) => help(root, names));
}

async function help(root: Command, names: readonly string[]): Promise<void> {
  let command = root;
  for (const name of names) {
    const found = command.commands.find(
      (candidate) => candidate.name() === name || candidate.aliases().includes(name),
    );
    if (found === undefined) return unknown(command, name);
    command = found;
  }
  command.help();
}

/** Says that there is no such command, with the suggestion that it gets anywhere else. */
async function unknown(command: Command, name: string): Promise<void> {
  // Of what has no commands of its own, a name would be an argument.
  if (command.commands.length === 0) command.error(`error: unknown command '${name}'`);
  await command.parseAsync([name], { from: "user" });
}
