import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const masterMain = fileURLToPath(new URL("../../../src/main.js", import.meta.url));
const workerMain = fileURLToPath(new URL("./worker-main.js", import.meta.url));

/** What a master of these tests is set to, in milliseconds. */
export interface Terms {
  readonly leaseMs: number;
  readonly pingMs: number;
}

/** A master that can be killed and started again on the same journal and port. */
export class MasterProcess {
  /** What it will be set to when it is started the next time. */
  terms: Terms;
  readonly #directory: string;
  #child: ChildProcess | undefined;
  #port = 0;

  constructor(directory: string, terms: Terms) {
    this.#directory = directory;
    this.terms = terms;
  }

  get address(): string {
    return `127.0.0.1:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** Resolves once it listens. */
  async start(): Promise<void> {
    const { leaseMs, pingMs } = this.terms;
    const terms = ["--lease-term-ms", String(leaseMs), "--ping-interval-ms", String(pingMs)];
    const args = [masterMain, "--address", this.address, "--data", this.#directory, ...terms];
    const env = { ...process.env, CAPSTAN_LOG_LEVEL: "error" };
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"], env });
    this.#child = child;
    assert(child.stdout !== null);
    for await (const line of createInterface({ input: child.stdout })) {
      const port = /listening on 127\.0\.0\.1:(\d+)/.exec(line)?.[1];
      if (port === undefined) continue;
      this.#port = Number(port);
      return;
    }
    throw new Error(`the master ended with ${child.exitCode} before it listened`);
  }

  /** As a power cut: no handler runs, nothing is flushed. */
  async kill(): Promise<void> {
    await end(this.#child, "SIGKILL");
  }

  async stop(): Promise<void> {
    await end(this.#child, "SIGTERM");
  }
}

export interface WorkerLine {
  readonly event: "connected" | "disconnected" | "settled" | "stopped";
  readonly resumed?: number;
  readonly settled?: number;
  readonly lost?: number;
  readonly resent?: number;
  readonly taskId?: string;
  readonly delivery?: number;
  readonly outcome?: string;
}

/** A worker whose every word goes to a file, so that it outlives the worker. */
export class WorkerProcess {
  readonly workerId: string;
  readonly #log: string;
  #child: ChildProcess | undefined;

  constructor(workerId: string, log: string) {
    this.workerId = workerId;
    this.#log = log;
  }

  start(address: string, slots: number): void {
    const fd = openSync(this.#log, "a");
    const args = [workerMain, address, this.workerId, String(slots)];
    this.#child = spawn(process.execPath, args, { stdio: ["ignore", fd, "inherit"] });
    closeSync(fd);
  }

  get isRunning(): boolean {
    return this.#child?.exitCode === null && this.#child.signalCode === null;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child?.kill(signal);
  }

  async kill(): Promise<void> {
    await end(this.#child, "SIGKILL");
  }

  async stop(): Promise<void> {
    await end(this.#child, "SIGTERM");
  }

  /** All whole lines that it has said so far, in all its lives. */
  lines(): WorkerLine[] {
    const text = readFileSync(this.#log, "utf8");
    const whole = text.slice(0, text.lastIndexOf("\n") + 1);
    return whole
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as WorkerLine);
  }
}

async function end(child: ChildProcess | undefined, signal: NodeJS.Signals): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, "exit");
}
