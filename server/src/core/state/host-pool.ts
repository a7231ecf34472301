import { RetiredRows, U32Column } from "./columns.js";

/** Hosts of tasks, by their numbers: each task's side by side. */
export class HostPool {
  readonly hosts = new U32Column();
  readonly gone = new RetiredRows();
  /** How many numbers have ever been put in. */
  size = 0;

  get(at: number): number {
    return this.hosts.get(at);
  }

  /** @returns where the hosts lie from now on */
  add(hosts: readonly number[]): number {
    const at = this.size;
    for (const host of hosts) this.hosts.set(this.size++, host);
    return at;
  }

  /** Hosts at [at, at + count) are asked for no more. */
  forget(at: number, count: number): void {
    for (let i = at; i < at + count; i++) {
      const chunk = this.gone.add(i);
      if (chunk >= 0) this.hosts.drop(chunk);
    }
  }
}
