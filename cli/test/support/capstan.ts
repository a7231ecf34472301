import { spawn, type ChildProcessWithoutNullStreams } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

/** The command as it is installed. This file is compiled to dist/test/support. */
const bin = fileURLToPath(new URL("../../../bin/capstan.js", import.meta.url));

/** What a command left. */
export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** What is on stdout, byte for byte. */
  readonly bytes: Buffer;
}

/** How a command is run. */
export interface RunOptions {
  readonly input?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A command that runs. */
export interface Running {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Ended>;
  /** Waits until stdout or stderr matches, and gives the match. */
  says(text: RegExp): Promise<RegExpExecArray>;
}

/** An environment without what a developer may have set, and with no configuration file. */
function cleanEnv(extra: RunOptions["env"]): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(
    ([name]) => !/^(CAPSTAN_|NO_COLOR|FORCE_COLOR|OTEL_)/.test(name),
  );
  return { ...Object.fromEntries(kept), XDG_CONFIG_HOME: "/nonexistent", TZ: "UTC", ...extra };
}

/** Starts the real command in a process of its own. */
export function start(args: readonly string[], options: RunOptions = {}): Running {
  const child = spawn(process.execPath, [bin, ...args], { env: cleanEnv(options.env) });
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
  child.stdin.on("error", () => {}); // A command that reads nothing may end before its input does.
  child.stdin.end(options.input ?? "");
  const all = () => Buffer.concat([...stdout, ...stderr]).toString();
  const ended = once(child, "close").then(([code]) => {
    const bytes = Buffer.concat(stdout);
    return {
      code: code as number | null,
      stdout: bytes.toString(),
      stderr: Buffer.concat(stderr).toString(),
      bytes,
    };
  });
  const says = async (text: RegExp) => {
    let over = false;
    for (;;) {
      const found = text.exec(all());
      if (found !== null) return found;
      if (over) throw new Error(`it ended without saying ${text}:\n${all()}`);
      const more = Promise.race([once(child.stdout, "data"), once(child.stderr, "data")]);
      over = await Promise.race([more.then(() => false), ended.then(() => true)]);
    }
  };
  return { child, ended, says };
}

/** Runs the real command to its end. */
export function capstan(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return start(args, options).ended;
}
