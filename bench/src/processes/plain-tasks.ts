import { serve } from "../support/remote.js";

/** What can be asked of the process, which must run with `--expose-gc`. */
export type PlainCalls = {
  /** @returns resident bytes a task of a Map of plain objects, and how many it holds */
  bytesOfTask: (count: number) => { readonly bytes: number; readonly held: number };
};

/** What a task's columns hold, as anybody would write it first. */
function plainTask(index: number) {
  return {
    state: "waiting",
    stage: 0,
    index,
    bag: 0,
    generation: 1,
    delivery: 0,
    failures: 0,
    lost: 0,
    oom: 0,
    deliveries: 0,
    body: index + 1,
    bodyBytes: 100,
    inputBytes: 0,
    recordCount: 0,
    hosts: [] as string[],
    runAt: 0,
    lease: undefined as number | undefined,
    settledDelivery: 0,
    settledOutcome: 0,
    outputs: [] as number[],
    lastWorker: undefined as number | undefined,
    lastLevel: undefined as number | undefined,
    grantedAt: undefined as number | undefined,
    endedAt: undefined as number | undefined,
  };
}

const tasks = new Map<string, ReturnType<typeof plainTask>>();

serve({
  bytesOfTask: (count: number) => {
    if (global.gc === undefined) throw new Error("this process runs without --expose-gc");
    global.gc();
    const before = process.memoryUsage.rss();
    for (let index = 0; index < count; index++)
      tasks.set(`job-1/${String(index)}`, plainTask(index));
    global.gc();
    return { bytes: (process.memoryUsage.rss() - before) / count, held: tasks.size };
  },
} satisfies PlainCalls);
