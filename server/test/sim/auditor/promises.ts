import type { TaskModel } from "./model.js";
import { keyOf } from "./model.js";

/**
 * What clients asked for and were promised, beside what the journal says. A job's name tells its content:
 * requests with other content under a key have another name.
 */
export class Promises {
  /** Ids that a client was told are its own new job. */
  readonly #new = new Set<string>();
  /** By name of a job, the payloads of its tasks, by stage and index. */
  readonly #payloads = new Map<string, Map<string, readonly string[]>>();
  /** Ids that were acknowledged. */
  readonly acknowledged = new Set<string>();
  /** Keys under which something was asked for, by namespace and key. */
  readonly names = new Map<string, Set<string>>();

  /** A client is about to ask for a job. */
  intend(
    name: string,
    namespace: string,
    key: string,
    stages: ReadonlyMap<string, readonly string[]>,
  ) {
    this.#payloads.set(name, new Map(stages));
    if (key === "") return;
    const known = this.names.get(keyOf(namespace, key));
    if (known === undefined) this.names.set(keyOf(namespace, key), new Set([name]));
    else known.add(name);
  }

  isPayloadOf(task: TaskModel, payload: string): boolean {
    const { job, spec } = task.stage;
    return this.#payloads.get(job.spec.name)?.get(spec.name)?.[task.index] === payload;
  }

  tasksOf(name: string, stage: string): number {
    return this.#payloads.get(name)?.get(stage)?.length ?? 0;
  }

  /** @returns false when the job was told to be new before */
  tellNew(id: string): boolean {
    if (this.#new.has(id)) return false;
    this.#new.add(id);
    return true;
  }
}
