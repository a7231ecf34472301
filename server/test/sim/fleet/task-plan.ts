import type { Random } from "../random.js";

/** What becomes of a task in the hands of a worker: it stands in its payload. */
export const behaviours = [
  "ok",
  "flaky",
  "bad",
  "fatal",
  "oom",
  "hang",
  "poison",
  "returned",
  "outputs",
] as const;
export type Behaviour = (typeof behaviours)[number];

export interface TaskPlan {
  readonly behaviour: Behaviour;
  readonly runMs: number;
}

const weights: Readonly<Record<Behaviour, number>> = {
  ok: 600,
  outputs: 150,
  flaky: 40,
  bad: 10,
  fatal: 5,
  oom: 8,
  hang: 6,
  poison: 1,
  returned: 12,
};

/** @param haste how many times shorter most tasks are than usual */
export function drawPlan(random: Random, haste: number): TaskPlan {
  const behaviour = random.weighted(weights);
  const isLong = random.chance(0.04);
  const runMs = isLong
    ? random.integer(10_000, 60_000)
    : random.integer(1, Math.ceil(1_500 / haste));
  return { behaviour, runMs };
}

export function payloadOf(job: string, stage: string, index: number, plan: TaskPlan): string {
  return `${job}|${stage}|${index}|${plan.behaviour}|${plan.runMs}`;
}

export function planOf(payload: string): TaskPlan {
  const [, , , behaviour = "ok", runMs = "0"] = payload.split("|");
  return { behaviour: behaviour as Behaviour, runMs: Number(runMs) };
}
