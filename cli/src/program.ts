import { Command } from "commander";
import { programOf } from "./commands/command.js";
import { addConfig } from "./commands/config.js";
import { addHelp, helpName } from "./commands/help.js";
import { addJob } from "./commands/job.js";
import { addServer } from "./commands/server.js";
import { addJournal } from "./commands/server-journal.js";
import { addTask } from "./commands/task.js";
import { addVersion } from "./commands/version.js";
import { addWorker } from "./commands/worker.js";
import { applyProfile } from "./profile.js";
import { globalOptions } from "./settings.js";
import type { Surroundings } from "./surroundings.js";
import { ownVersion } from "./version.js";

/**
 * The whole command line. Parsing it rejects with a CommanderError where the process would have ended.
 * @param exit is told the exit code of the command that ran
 */
export function buildProgram(surroundings: Surroundings, exit: (code: number) => void): Command {
  const root = new Command("capstan")
    .description("Submit jobs to a Capstan master, watch them, and look at its workers.")
    .version(ownVersion(), "-V, --version", "show the version of this command")
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void surroundings.stdout.write(text),
      writeErr: (text) => void surroundings.stderr.write(text),
    })
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(--help tells more)")
    .helpCommand(false)
    .hook("preAction", async (_root, command) => {
      // A configuration that is broken is no reason to leave somebody without help.
      if (command.name() !== helpName) await applyProfile(root, surroundings.env);
    });
  for (const option of globalOptions()) root.addOption(option);
  const program = programOf(surroundings, exit);
  addJob(root, program);
  addTask(root, program);
  addWorker(root, program);
  addServer(root, program);
  addJournal(root, program);
  addConfig(root, program);
  addVersion(root, program);
  addHelp(root);
  return root.addHelpText("after", exitCodeHelp);
}

const exitCodeHelp = `
Exit codes: 0 done, 1 the job or the command failed, 2 wrong usage, 3 no master answers,
            4 not allowed, 5 not found, 6 timed out, 74 the server's journal cannot be used,
            130 interrupted (the job goes on).`;
