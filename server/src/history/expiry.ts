import type { Database, Statement } from "./sqlite.js";
import type { WallMs } from "../core/index.js";
import type { Retention } from "./history.js";
import { recordOf, selectJob } from "./job-record.js";
import type { Tables } from "./projection.js";
import { pageTasks } from "./task-page.js";

/** Jobs that leave in one step, and tasks of theirs. */
const jobsOfStep = 256;
const tasksOfStep = 4_096;

/** Tasks still to be removed: [the first, how many]. */
type Stretches = [number, number][];

/** Removes what is past its retention, in steps that hold up nobody. */
export class Expiry {
  readonly #tables: Tables;
  readonly #retention: Retention;
  readonly #dueByEnd: Statement;
  readonly #dueByExpiry: Statement;
  readonly #removeJob: Statement;
  readonly #removeKinds: Statement;
  readonly #leaving: Statement;
  readonly #setLeaving: Statement;
  readonly #removeLeaving: Statement;

  constructor(database: Database, tables: Tables, retention: Retention) {
    this.#tables = tables;
    this.#retention = retention;
    const prepare = (sql: string) => database.prepare(sql);
    this.#dueByEnd = prepare(
      `${selectJob} WHERE finished_wall IS NOT NULL AND expires_wall IS NULL
         AND state = ? AND finished_wall <= ? LIMIT ?`,
    );
    this.#dueByExpiry = prepare(`${selectJob} WHERE expires_wall <= ? LIMIT ?`);
    this.#removeJob = prepare("DELETE FROM job WHERE no = ?");
    this.#removeKinds = prepare("DELETE FROM kind WHERE job = ?");
    this.#leaving = prepare("SELECT job, stretches FROM leaving ORDER BY job LIMIT ?");
    this.#setLeaving = prepare("INSERT OR REPLACE INTO leaving (job, stretches) VALUES (?, ?)");
    this.#removeLeaving = prepare("DELETE FROM leaving WHERE job = ?");
  }

  /** Takes one step, within the transaction that is open. @returns whether there is more to do */
  step(wall: WallMs): boolean {
    const jobs = this.#removeJobs(wall);
    const tasks = this.#removeTasks();
    return jobs || tasks;
  }

  /** From now on nobody finds them; their tasks follow. */
  #removeJobs(wall: WallMs): boolean {
    const { succeededMs, otherMs } = this.#retention;
    const due = [
      ...this.#dueByEnd.all("succeeded", wall - succeededMs, jobsOfStep),
      ...this.#dueByEnd.all("failed", wall - otherMs, jobsOfStep),
      ...this.#dueByEnd.all("cancelled", wall - otherMs, jobsOfStep),
      ...this.#dueByExpiry.all(wall, jobsOfStep),
    ];
    for (const row of due) {
      const { no, stages } = recordOf(row);
      const stretches: Stretches = stages.flatMap((stage) =>
        stage.stretches.map(({ firstTask, count }): [number, number] => [firstTask, count]),
      );
      this.#setLeaving.run(no, JSON.stringify(stretches));
      this.#removeKinds.run(no);
      this.#removeJob.run(no);
    }
    if (due.length > 0) this.#tables.jobs.removeUnusedSpecs();
    return due.length > 0;
  }

  #removeTasks(): boolean {
    let left = tasksOfStep;
    const rows = this.#leaving.all(jobsOfStep) as unknown as { job: number; stretches: string }[];
    for (const { job, stretches: text } of rows) {
      const stretches = JSON.parse(text) as Stretches;
      for (let first = stretches[0]; first !== undefined && left > 0; first = stretches[0]) {
        const count = Math.min(left, first[1]);
        for (let i = 0; i < count; i++) this.#removeTask(first[0] + i);
        left -= count;
        if (count === first[1]) stretches.shift();
        else stretches[0] = [first[0] + count, first[1] - count];
      }
      if (stretches.length > 0) {
        this.#setLeaving.run(job, JSON.stringify(stretches));
        return true;
      }
      this.#removeLeaving.run(job);
    }
    return rows.length > 0;
  }

  #removeTask(task: number): void {
    const { pages, troubles, sections } = this.#tables;
    const page = pages.toChange(task);
    const row = task % pageTasks;
    sections.release(page.body[row] as number);
    const outputs = page.outputs[row] as number;
    for (let i = 0; i < (page.outputsCount[row] as number); i++) sections.release(outputs + i);
    if (page.troubled[row] === 1) for (const blob of troubles.remove(task)) sections.release(blob);
    page.clear(row);
  }
}
