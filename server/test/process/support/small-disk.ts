import { type ChildProcess, spawn, type SpawnOptions } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Real disks that are really small: file systems in memory, mounted in a namespace of their own that ends with
 * the process that holds it. Needs Linux, and a system that lets this user have such a namespace.
 */
export class SmallDisks {
  private constructor(
    readonly root: string,
    private readonly holder: ChildProcess,
  ) {}

  /** @param sizes in MiB by the folder that is each disk's; undefined if the system does not let us */
  static async mount(sizes: Readonly<Record<string, number>>): Promise<SmallDisks | undefined> {
    const root = mkdtempSync(join(tmpdir(), "capstan-small-disk-"));
    const mounts = Object.entries(sizes).map(([name, mib]) => {
      mkdirSync(join(root, name));
      return `mount -t tmpfs -o size=${String(mib)}m tmpfs '${join(root, name)}'`;
    });
    const script = [...mounts, "echo mounted", "exec cat >/dev/null"].join(" && ");
    const holder = spawn("unshare", ["--map-root-user", "--mount", "sh", "-c", script], {
      stdio: ["pipe", "pipe", "ignore"],
    });
    const said = await Promise.race([
      once(holder.stdout, "data").then(String),
      once(holder, "error").then(() => ""),
      once(holder, "exit").then(() => ""),
    ]);
    if (said.trim() === "mounted") return new SmallDisks(root, holder);
    rmSync(root, { recursive: true });
    return undefined;
  }

  /** A path as this process finds it; the processes of {@link spawn} find it under `root`. */
  seen(...names: readonly string[]): string {
    return join("/proc", String(this.holder.pid), "root", this.root, ...names);
  }

  /** Fills a disk but for so many bytes, so that there is room once that file is removed. */
  fill(path: string, bytes: number): void {
    writeFileSync(this.seen(path), Buffer.alloc(bytes, 1));
  }

  /** Makes room. */
  remove(path: string): void {
    rmSync(this.seen(path));
  }

  /** Runs a program that sees the disks. */
  spawn(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
    const target = ["--target", String(this.holder.pid), "--user", "--mount"];
    return spawn("nsenter", [...target, "--preserve-credentials", "--", program, ...args], options);
  }

  async unmount(): Promise<void> {
    const gone = once(this.holder, "exit");
    this.holder.stdin?.end();
    await gone;
    rmSync(this.root, { recursive: true });
  }
}
