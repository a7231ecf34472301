import { type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * What a bench leaves lying about while it runs: folders and processes. All of it is gone when the bench ends,
 * fails, or is interrupted.
 */
export class Scratch {
  readonly #folders = new Set<string>();
  readonly #processes = new Set<ChildProcess>();
  readonly #onExit = () => {
    this.#removeNow();
  };

  constructor() {
    // Ctrl-C and a throw that nobody caught come by here too (main.ts ends by process.exit).
    process.on("exit", this.#onExit);
  }

  /** A fresh folder, on the disk of the system's temporary files (`TMPDIR`). */
  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "capstan-bench-"));
    this.#folders.add(folder);
    return folder;
  }

  /** Takes a process into care. */
  keep(child: ChildProcess): void {
    this.#processes.add(child);
    child.once("exit", () => this.#processes.delete(child));
  }

  /** Ends what still runs, waits until it is gone, and removes the folders. */
  async close(): Promise<void> {
    const ended = [...this.#processes].map(
      (child) => new Promise<void>((resolve) => child.once("exit", () => resolve())),
    );
    for (const child of this.#processes) child.kill("SIGKILL");
    await Promise.all(ended);
    this.#removeNow();
    process.off("exit", this.#onExit);
  }

  #removeNow(): void {
    for (const child of this.#processes) child.kill("SIGKILL");
    for (const folder of this.#folders) {
      rmSync(folder, { recursive: true, force: true, maxRetries: 3, retryDelay: 50 });
    }
    this.#folders.clear();
  }
}
