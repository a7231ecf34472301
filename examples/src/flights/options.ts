/** What may be said to `npm start`, after `--`. */
import { parseArgs } from "node:util";
import { flightCount } from "./data.js";

const usage = `usage: npm start -- [--keep] [--rows N] [--tamper]

  --keep    leave the master and its workers up afterwards, until Ctrl-C; at port 7410 if that is free
  --rows N  take N of the 200,000 flights, from 1; only the answer is judged then, no speed
  --tamper  change one flight on its way to the job, to see the check of the answer fail
`;

export interface Options {
  readonly keep: boolean;
  /** How many flights to take; undefined: all. */
  readonly rows: number | undefined;
  readonly tamper: boolean;
}

/** Reads the command line; ends the process when it asks for help or cannot be understood. */
export function readOptions(): Options {
  try {
    const { values } = parseArgs({
      options: {
        keep: { type: "boolean", default: false },
        rows: { type: "string" },
        tamper: { type: "boolean", default: false },
        help: { type: "boolean", short: "h", default: false },
      },
    });
    if (values.help) {
      process.stdout.write(usage);
      process.exit(0);
    }
    const rows = values.rows === undefined ? undefined : Number(values.rows);
    if (rows !== undefined && !(Number.isInteger(rows) && rows >= 1 && rows <= flightCount)) {
      const range = `from 1 to ${flightCount}`;
      throw new Error(`--rows takes a whole number of flights ${range}, not ${values.rows}`);
    }
    return { keep: values.keep, rows, tamper: values.tamper };
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exit(2);
  }
}
