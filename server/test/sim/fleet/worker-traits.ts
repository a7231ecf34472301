import type { Resource } from "@capstan/proto/capstan/v1/common.js";
import type { Random } from "../random.js";

/** What a worker is and how it behaves, over all its processes. */
export interface WorkerTraits {
  readonly id: string;
  readonly host: string;
  readonly rack: string;
  readonly namespaces: readonly string[];
  readonly types: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  capacity: readonly Resource[];
  readonly prefetch: number;
  readonly credit: number;
  /** How often it does not say that it received something, or leaves a ping out. */
  readonly deafChance: number;
  /** How often it sends a result twice. */
  readonly twiceChance: number;
  /** How often it reports a failure beside its stream. */
  readonly unaryChance: number;
  readonly beatsBeside: boolean;
  /** For how long it gathers what it has to say into one frame. */
  readonly gathersMs: number;
}

export const namespaces = ["default", "other"] as const;
export const taskTypes = ["work", "sort"] as const;

/**
 * The first worker serves everything and has room for anything, so that nothing waits for ever.
 *
 * @param size how many times the usual room each has
 */
export function drawTraits(random: Random, no: number, size: number): WorkerTraits {
  const isAble = no === 0;
  const slots = size * (isAble ? 4 : random.integer(1, 4));
  return {
    id: `worker-${no}`,
    host: `host-${no % 4}`,
    rack: `rack-${no % 2}`,
    namespaces: isAble || random.chance(0.7) ? namespaces : [random.pick(namespaces)],
    types: isAble || random.chance(0.7) ? taskTypes : [random.pick(taskTypes)],
    labels: isAble || random.chance(0.5) ? { zone: "a", disk: "ssd" } : { zone: "b" },
    capacity: capacityOf(slots, isAble || random.chance(0.5) ? 2 * size : 0),
    prefetch: size * random.pick([0, 0, 2, 4]),
    credit: size * random.pick([2, 8, 64]),
    deafChance: random.pick([0, 0, 0.02]),
    twiceChance: random.pick([0, 0.05, 0.3]),
    unaryChance: random.pick([0, 0.3]),
    beatsBeside: random.chance(0.3),
    gathersMs: random.pick(size === 1 ? [0, 0, 20] : [5, 20, 100]),
  };
}

export function capacityOf(slots: number, gpus: number): Resource[] {
  const capacity = [{ name: "slots", milli: BigInt(slots * 1_000) }];
  if (gpus > 0) capacity.push({ name: "gpu", milli: BigInt(gpus * 1_000) });
  return capacity;
}
