/** A process that the example starts and is sure to end. */
import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

/** How long a process may take to end by itself, once it is asked to. Milliseconds. */
const patienceMs = 10_000;

/** What a process wrote last is kept, to be shown should it fail. Characters. */
const tailLength = 2_000;

/** A Node process in a group of its own, so that Ctrl-C in a terminal reaches the parent alone. */
export class Child {
  readonly name: string;
  /** Resolves when it has ended, to how. */
  readonly ended: Promise<string>;
  readonly #process: ChildProcess;
  #tail = "";
  #isRunning = true;

  /** @param onMessage told of what the process sends */
  constructor(
    name: string,
    script: URL,
    args: readonly string[],
    onMessage: (message: unknown) => void = () => {},
  ) {
    this.name = name;
    const endWithUs = fileURLToPath(new URL("./exit-with-parent.js", import.meta.url));
    this.#process = fork(script, [...args], {
      detached: true,
      execArgv: ["--enable-source-maps", "--import", endWithUs],
      env: { CAPSTAN_LOG_LEVEL: "warn", ...process.env },
      stdio: ["ignore", "pipe", "pipe", "ipc"],
    });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.#tail = (this.#tail + text).slice(-tailLength);
      });
    }
    this.#process.on("message", onMessage);
    this.ended = new Promise((resolve) => {
      const end = (how: string) => {
        this.#isRunning = false;
        resolve(how);
      };
      this.#process.once("error", (error) => end(error.message));
      this.#process.once("exit", (code, signal) => end(signal ?? `exit code ${code}`));
    });
  }

  /** The first match of `pattern` in what it writes to stdout. */
  output(pattern: RegExp): Promise<string> {
    return new Promise((resolve) => {
      let text = "";
      this.#process.stdout?.on("data", (more: string) => {
        text += more;
        const match = pattern.exec(text);
        if (match !== null) resolve(match[0]);
      });
    });
  }

  /** The last that it wrote, for a message. */
  get lastWords(): string {
    return this.#tail.trim();
  }

  /** Asks it to end (SIGTERM), insists after a while, and resolves when it has. */
  async stop(): Promise<void> {
    if (this.#isRunning) this.#process.kill("SIGTERM");
    const impatience = setTimeout(() => this.kill(), patienceMs);
    await this.ended;
    clearTimeout(impatience);
  }

  /** Ends it, and whatever it may have started, at once. */
  kill(): void {
    const { pid } = this.#process;
    if (!this.#isRunning || pid === undefined) return;
    try {
      process.kill(-pid, "SIGKILL");
    } catch {
      // No such group: it has just ended, or this system knows no groups.
      this.#process.kill("SIGKILL");
    }
  }
}
