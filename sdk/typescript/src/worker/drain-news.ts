import type { TaskEvent } from "./events.js";

/** News of a worker that is going: that it begins to, which handlers would not stop, and that it has gone. */
export type DrainNews =
  | {
      /** It takes no more, has given back what had not started, and waits for what runs. */
      readonly state: "draining";
      /** Who is going. */
      readonly workerId: string;
      /** Why: the name of a signal, or the note of whoever asked; empty when nothing was said. */
      readonly note: string;
      /** How many handlers run. */
      readonly running: number;
      /** How long they may go on. Milliseconds from now. */
      readonly withinMs: number;
    }
  | {
      /** Handlers were told to stop and did not, within the grace: their tasks go back while they go on. */
      readonly state: "abandoned";
      /** Who is going. */
      readonly workerId: string;
      /** The tasks. */
      readonly tasks: readonly TaskEvent[];
    }
  | {
      /** Its session has ended; `run` resolves. */
      readonly state: "gone";
      /** Who has gone. */
      readonly workerId: string;
      /** Whether all that it had started was finished and the master knows. */
      readonly isClean: boolean;
      /** How many handlers run on all the same. */
      readonly running: number;
    };

/** Who hears {@link DrainNews}. It must not throw. */
export type OnDrain = (news: DrainNews) => void;

/** How many tasks are named; of more it is said how many there are. */
const namedTasks = 5;

/** What is said where nobody asked to hear it: a line on stderr. A worker that waits in silence looks hung. */
export function sayOnStderr(
  news: DrainNews,
  stderr: { write(text: string): unknown } = process.stderr,
): void {
  stderr.write(`capstan: worker ${news.workerId} ${sentence(news)}\n`);
}

function sentence(news: DrainNews): string {
  switch (news.state) {
    case "draining": {
      const why = news.note === "" ? "" : ` (${news.note})`;
      if (news.running === 0) return `drains${why}: nothing runs`;
      return `drains${why}: it waits for ${tasks(news.running)}, ${length(news.withinMs)} at most`;
    }
    case "abandoned": {
      const names = news.tasks.slice(0, namedTasks).map(({ taskId }) => taskId);
      const more = news.tasks.length - names.length;
      const list = more > 0 ? `${names.join(", ")} and ${more} more` : names.join(", ");
      return `gives back ${tasks(news.tasks.length)} whose handlers do not stop: ${list}`;
    }
    case "gone": {
      if (news.isClean) return "has gone: all that it had started is done";
      if (news.running === 0) return "has gone: what was not done in time went back";
      return `has gone; ${handlers(news.running)} that would not stop`;
    }
  }
}

const amount = (count: number): string => count.toLocaleString("en-US");
const tasks = (count: number): string => (count === 1 ? "1 task" : `${amount(count)} tasks`);
const handlers = (count: number): string =>
  count === 1 ? "1 handler runs on" : `${amount(count)} handlers run on`;

/** `500 ms`, `30 s`, `5 min`. */
function length(ms: number): string {
  if (ms < 1_000) return `${Math.round(ms)} ms`;
  if (ms < 120_000) return `${Number((ms / 1_000).toFixed(1))} s`;
  return `${Math.round(ms / 60_000)} min`;
}
