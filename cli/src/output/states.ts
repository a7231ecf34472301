import type { Job, JobState, TaskState, WorkerRecord } from "@capstan/sdk";
import { words } from "./human.js";
import type { Palette } from "./palette.js";
import type { Cell } from "./table.js";

type Mood = Exclude<keyof Palette, "enabled" | "strong">;

const moodOfJob = {
  unknown: "faint",
  uploading: "faint",
  running: "busy",
  failing: "bad",
  cancelling: "warn",
  succeeded: "good",
  failed: "bad",
  cancelled: "warn",
} as const satisfies Record<JobState, Mood>;

const moodOfTask = {
  unknown: "faint",
  blocked: "faint",
  scheduled: "warn",
  pending: "faint",
  leased: "busy",
  running: "busy",
  succeeded: "good",
  failed: "bad",
  cancelled: "warn",
} as const satisfies Record<TaskState, Mood>;

/** The states in which a job can be, as flags name them. */
export const jobStates = namesOf(moodOfJob);

/** The states in which a task can be, as flags name them. */
export const taskStates = namesOf(moodOfTask);

function namesOf<State extends string>(moods: Record<State, Mood>): readonly State[] {
  return (Object.keys(moods) as State[]).filter((state) => state !== "unknown");
}

/** Whether a job in this state stays in it. */
export function isOver(state: JobState): boolean {
  return state === "succeeded" || state === "failed" || state === "cancelled";
}

/** A job's state, painted. */
export function jobState(job: Pick<Job, "state" | "paused">, palette: Palette): Cell {
  const paused = job.paused && !isOver(job.state) ? ", paused" : "";
  return { text: `${job.state}${paused}`, paint: palette[moodOfJob[job.state]] };
}

/** A task's state with what it waits for, painted. */
export function taskState(
  task: { readonly state: TaskState; readonly waitReason: string; readonly dropped: boolean },
  palette: Palette,
): Cell {
  const wait = task.waitReason === "none" ? "" : ` (${waitText(task.waitReason)})`;
  const dropped = task.dropped ? " (dropped)" : "";
  return { text: `${task.state}${wait}${dropped}`, paint: palette[moodOfTask[task.state]] };
}

/** What a task waits for, where the reason's name alone would not say it. */
const waits: Partial<Record<string, string>> = {
  no_worker: "no worker serves its type",
  infeasible: "no worker has what it demands",
  constraints: "no worker carries the labels that it needs",
  no_room: "workers are full",
  excluded: "workers that serve it are draining or excluded",
};

function waitText(reason: string): string {
  return waits[reason] ?? words(reason);
}

/** Whether a worker is there and gets tasks, painted. */
export function workerState(worker: WorkerRecord, palette: Palette): Cell {
  const { connection, admission } = worker;
  // Who finished what it had and left is no accident.
  if (connection === "left") return { text: "left", paint: palette.faint };
  if (connection === "connected") {
    if (admission === "open") return { text: "connected", paint: palette.good };
    return { text: admission, paint: palette.warn };
  }
  const paint = connection === "disconnected" ? palette.warn : palette.bad;
  if (admission === "open") return { text: connection, paint };
  return { text: `${connection} (${admission})`, paint: palette.warn };
}
