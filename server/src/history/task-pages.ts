import type { Database, Statement } from "./sqlite.js";
import type { TaskNo } from "../core/index.js";
import { pageOf, pageTasks, TaskPage } from "./task-page.js";

/** Pages in memory, about 90 KiB each: as many tasks as may be under way without reading any twice. */
export const cachedPagesMax = 256;

/** Pages of tasks: read when they are asked for, written when the transaction is. */
export class TaskPages {
  /** The least recently used first. */
  readonly #pages = new Map<number, TaskPage>();
  readonly #dirty: TaskPage[] = [];
  #last: TaskPage | undefined;
  readonly #get: Statement;
  readonly #put: Statement;
  readonly #remove: Statement;

  readonly #cachedMax: number;

  /** @param cachedMax {@link cachedPagesMax}, or fewer for a test */
  constructor(database: Database, cachedMax: number) {
    this.#cachedMax = cachedMax;
    this.#get = database.prepare("SELECT bytes FROM task_page WHERE no = ?");
    this.#put = database.prepare("INSERT OR REPLACE INTO task_page (no, bytes) VALUES (?, ?)");
    this.#remove = database.prepare("DELETE FROM task_page WHERE no = ?");
  }

  /** The page of a task, to be looked at. */
  of(task: TaskNo): TaskPage {
    const no = pageOf(task);
    // Events in a row are mostly of tasks that are neighbours.
    if (this.#last?.no === no) return this.#last;
    let page = this.#pages.get(no);
    if (page === undefined) page = this.#read(no);
    else this.#pages.delete(no);
    this.#pages.set(no, page);
    this.#last = page;
    return page;
  }

  /** The page of a task, to be changed. */
  toChange(task: TaskNo): TaskPage {
    const page = this.of(task);
    if (!page.isDirty) {
      page.isDirty = true;
      this.#dirty.push(page);
    }
    return page;
  }

  /** The page of a task that is new. */
  toExtend(task: TaskNo): TaskPage {
    const page = this.toChange(task);
    const row = task % pageTasks;
    if (row >= page.used) page.used = row + 1;
    return page;
  }

  /** Writes what has changed. */
  flush(): void {
    for (const page of this.#dirty) {
      page.isDirty = false;
      if (page.isRemoved) {
        this.#remove.run(page.no);
        this.#pages.delete(page.no);
        if (this.#last === page) this.#last = undefined;
      } else {
        this.#put.run(page.no, page.encode());
      }
    }
    this.#dirty.length = 0;
    for (const [no, page] of this.#pages) {
      if (this.#pages.size <= this.#cachedMax) break;
      if (page !== this.#last) this.#pages.delete(no);
    }
  }

  #read(no: number): TaskPage {
    const row = this.#get.get(no) as { bytes: Uint8Array } | undefined;
    return row === undefined ? new TaskPage(no) : TaskPage.decode(no, row.bytes);
  }
}
