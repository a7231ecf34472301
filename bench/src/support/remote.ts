import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Scratch } from "./scratch.js";

/** What a process of a bench can be asked, by name. Arguments and answers are JSON. */
export type Calls = Readonly<Record<string, (argument: never) => unknown>>;

type Argument<C extends Calls, K extends keyof C> = Parameters<C[K]>[0];
type Answer<C extends Calls, K extends keyof C> = Awaited<ReturnType<C[K]>>;

interface Request {
  readonly id: number;
  readonly name: string;
  readonly argument: unknown;
}

interface Response {
  readonly id: number;
  readonly answer?: unknown;
  readonly error?: string;
}

/** The bench's end of one of its processes. */
export class Remote<C extends Calls> {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, PromiseWithResolvers>();
  #next = 1;
  #over: Error | undefined;

  /** Starts `processes/<name>.js`. @param flags of Node */
  constructor(scratch: Scratch, name: string, flags: readonly string[] = []) {
    const file = fileURLToPath(new URL(`../processes/${name}.js`, import.meta.url));
    this.#name = name;
    this.#child = spawn(process.execPath, [...flags, "--enable-source-maps", file], {
      stdio: ["ignore", "inherit", "inherit", "ipc"],
    });
    scratch.keep(this.#child);
    this.#child.on("message", (message) => {
      this.#take(message as Response);
    });
    this.#child.on("error", (error) => {
      this.#end(error);
    });
    this.#child.on("exit", (code, signal) => {
      this.#end(new Error(`the process ${name} ended with ${String(code ?? signal)}`));
    });
  }

  /** Asks the process something. */
  call<K extends keyof C & string>(name: K, argument: Argument<C, K>): Promise<Answer<C, K>> {
    return new Promise((resolve, reject) => {
      if (this.#over !== undefined) {
        reject(this.#over);
        return;
      }
      const id = this.#next++;
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject });
      this.#child.send({ id, name, argument } satisfies Request);
    });
  }

  /** Lets the process go, and waits until it is gone. */
  async close(): Promise<void> {
    if (this.#over !== undefined) return;
    const gone = new Promise<void>((resolve) => this.#child.once("exit", () => resolve()));
    // Closing the channel is the sign to leave: see `serve`.
    this.#child.disconnect();
    await gone;
  }

  #take(response: Response): void {
    const waiting = this.#waiting.get(response.id);
    this.#waiting.delete(response.id);
    if (response.error === undefined) waiting?.resolve(response.answer);
    else waiting?.reject(new Error(`${this.#name}: ${response.error}`));
  }

  #end(error: Error): void {
    this.#over ??= error;
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

interface PromiseWithResolvers {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** The other end: answers the bench's calls until it lets go. */
export function serve(calls: Calls): void {
  process.on("message", (message) => {
    const { id, name, argument } = message as Request;
    const call = calls[name] as ((argument: unknown) => unknown) | undefined;
    void (async () => call?.(argument))().then(
      (answer) => process.send?.({ id, answer } satisfies Response),
      (error: unknown) => process.send?.({ id, error: describe(error) } satisfies Response),
    );
  });
  // A bench that is gone, however it went, leaves nobody behind.
  process.on("disconnect", () => process.exit(0));
  // Ctrl-C reaches the whole group: the bench decides.
  process.on("SIGINT", () => {});
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
