import { createHash } from "node:crypto";
import { JobSpec as ClientSpec } from "@capstan/proto/capstan/v1/job.js";
import type { JobNo, JobSpec } from "../core/index.js";
import { encodeJobSpec } from "../journal/entry/index.js";
import type { Database, Statement } from "./sqlite.js";

/** What is worked out of a spec, for all jobs that say the same. */
export interface SpecFacts {
  /** Its number in the table `spec`. */
  readonly no: number;
  /** How long the client wants the job to be kept; undefined when it did not say. */
  readonly keptMs: number | undefined;
}

const noTrace: JobSpec["trace"] = { traceparent: "", tracestate: "", baggage: "" };

/** Specs are often the same but for their trace, which lies with the job: each is a row once. */
export class Specs {
  readonly #find: Statement;
  readonly #add: Statement;
  readonly #use: Statement;
  readonly #removeUnused: Statement;
  // Jobs submitted together share one spec.
  #last: { readonly spec: JobSpec; readonly facts: SpecFacts } | undefined;
  /** The last job of each that was used since the last flush. */
  readonly #used = new Map<number, JobNo>();

  constructor(database: Database) {
    this.#find = database.prepare("SELECT no FROM spec WHERE hash = ?");
    this.#add = database.prepare("INSERT INTO spec (hash, last_job, bytes) VALUES (?, 0, ?)");
    this.#use = database.prepare("UPDATE spec SET last_job = ? WHERE no = ?");
    this.#removeUnused = database.prepare(
      "DELETE FROM spec WHERE last_job < coalesce((SELECT min(no) FROM job), 9e15)",
    );
  }

  /** The row of a job's spec, made if there is none. */
  use(job: JobNo, spec: JobSpec): SpecFacts {
    if (this.#last?.spec !== spec) this.#last = { spec, facts: this.#factsOf(spec) };
    const { facts } = this.#last;
    this.#used.set(facts.no, job);
    return facts;
  }

  flush(): void {
    for (const [no, job] of this.#used) this.#use.run(job, no);
    this.#used.clear();
  }

  /** Removes those of which all jobs are gone. Nothing may be unflushed. */
  removeUnused(): void {
    this.#last = undefined;
    this.#removeUnused.run();
  }

  #factsOf(spec: JobSpec): SpecFacts {
    const bytes = encodeJobSpec({ ...spec, trace: noTrace });
    const hash = createHash("sha256").update(bytes).digest();
    const found = this.#find.get(hash) as { no: number } | undefined;
    const no = found?.no ?? Number(this.#add.run(hash, bytes).lastInsertRowid);
    return { no, keptMs: keptMsOf(spec) };
  }
}

function keptMsOf({ source }: JobSpec): number | undefined {
  if (source === undefined) return undefined;
  const { retentionMs } = ClientSpec.decode(source);
  return retentionMs === undefined ? undefined : Number(retentionMs);
}
