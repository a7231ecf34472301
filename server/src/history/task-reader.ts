import type {
  OutputsFilter,
  OutputView,
  TaskCursor,
  TaskFilter,
  TasksPage,
  TaskView,
} from "../core/index.js";
import { queries } from "../core/index.js";
import type { HistoryOutputs } from "./history.js";
import type { StageRecord } from "./job-record.js";
import { taskAt } from "./job-record.js";
import type { Reader } from "./reader.js";
import type { Sections } from "./sections.js";
import { pageTasks, TaskCode } from "./task-page.js";
import type { TaskPages } from "./task-pages.js";

/** A page of outputs ends behind so many bytes. */
const outputBytesMax = 1024 * 1024;

/** Lists of tasks and of outputs, in the order and with the ends of the core's own. */
export class TaskReader {
  readonly #reader: Reader;
  readonly #pages: TaskPages;
  readonly #sections: Sections;

  constructor(reader: Reader, pages: TaskPages, sections: Sections) {
    this.#reader = reader;
    this.#pages = pages;
    this.#sections = sections;
  }

  /** As {@link History.tasks}. */
  tasks(
    namespace: string,
    jobId: string,
    filter: TaskFilter,
    from: TaskCursor,
    limit: number,
  ): TasksPage {
    const job = this.#reader.find(namespace, jobId);
    if (job === undefined) return { kind: "job_not_found" };
    const names = job.spec().stages.map(({ name }) => name);
    if (filter.stage !== "" && !names.includes(filter.stage)) return { kind: "stage_not_found" };
    const tasks: TaskView[] = [];
    let scanned = 0;
    for (const stage of job.stages.slice(from.stage)) {
      const { position } = stage;
      if (filter.stage !== "" && names[position] !== filter.stage) continue;
      for (let index = position === from.stage ? from.index : 0; index < stage.taskCount; index++) {
        if (tasks.length >= limit || scanned >= queries.tasksScanMax) {
          return { kind: "page", tasks, next: { stage: position, index } };
        }
        scanned += 1;
        const task = taskAt(stage, index) as number;
        const isWanted =
          filter.states.length === 0 || filter.states.includes(this.#reader.stateOf(task));
        if (isWanted) tasks.push(this.#reader.taskView(stage, task));
      }
    }
    return { kind: "page", tasks, next: undefined };
  }

  /** As {@link History.task}. */
  task(namespace: string, jobId: string, stageName: string, index: number): TaskView | undefined {
    const job = this.#reader.find(namespace, jobId);
    const position = job?.spec().stages.findIndex(({ name }) => name === stageName) ?? -1;
    const stage = job?.stages[position];
    const task = stage && taskAt(stage, index);
    if (stage === undefined || task === undefined) return undefined;
    return this.#reader.taskView(stage, task);
  }

  /** As {@link History.outputs}. */
  outputs(
    namespace: string,
    jobId: string,
    filter: OutputsFilter,
    tasksMax: number,
    outputsMax: number,
  ): HistoryOutputs {
    const job = this.#reader.find(namespace, jobId);
    if (job === undefined) return { kind: "job_not_found" };
    const position = job.spec().stages.findIndex(({ name }) => name === filter.stage);
    const stage = job.stages[position];
    if (stage === undefined) return { kind: "stage_not_found" };
    const partitions = job.spec().stages[position]?.partitions ?? 1;
    if (filter.partition !== undefined && filter.partition >= partitions) {
      return { kind: "partition_not_found" };
    }
    const page = new OutputsOfPage(this.#pages, this.#sections, filter);
    if (filter.index !== undefined) return this.#ofOneTask(stage, filter.index, page);
    const from = filter.after?.index ?? 0;
    let index = from;
    for (; index < stage.taskCount && index - from < tasksMax; index++) {
      if (page.outputs.length >= outputsMax || page.bytes >= outputBytesMax) break;
      page.add(taskAt(stage, index) as number, index);
    }
    return {
      kind: "page",
      outputs: page.outputs,
      next: index < stage.taskCount ? index : undefined,
    };
  }

  #ofOneTask(stage: StageRecord, index: number, page: OutputsOfPage): HistoryOutputs {
    const task = taskAt(stage, index);
    if (task === undefined) return { kind: "task_not_found" };
    if (this.#reader.stateOf(task) !== "succeeded") return { kind: "not_ready" };
    page.add(task, index);
    return { kind: "page", outputs: page.outputs, next: undefined };
  }
}

/** Outputs in the making. */
class OutputsOfPage {
  readonly outputs: (OutputView & { readonly bytes: Uint8Array })[] = [];
  bytes = 0;
  readonly #pages: TaskPages;
  readonly #sections: Sections;
  readonly #filter: OutputsFilter;

  constructor(pages: TaskPages, sections: Sections, filter: OutputsFilter) {
    this.#pages = pages;
    this.#sections = sections;
    this.#filter = filter;
  }

  add(task: number, index: number): void {
    const { partition: wanted, after } = this.#filter;
    const page = this.#pages.of(task);
    const row = task % pageTasks;
    if (page.state[row] !== TaskCode.succeeded) return;
    const least = after?.index === index ? after.partition + 1 : 0;
    for (const [i, partition] of page.partitionsOf(row).entries()) {
      if (partition < least || (wanted !== undefined && partition !== wanted)) continue;
      const blob = (page.outputs[row] as number) + i;
      const bytes = this.#sections.get(blob);
      if (bytes === undefined) throw new Error(`output ${blob} of task ${task} is not kept`);
      this.outputs.push({
        index,
        generation: page.generation[row] as number,
        attempt: (page.failures[row] as number) + 1,
        partition,
        blob,
        bytes,
      });
      this.bytes += bytes.length;
    }
  }
}
