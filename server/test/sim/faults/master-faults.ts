import type { PowerCut } from "../../journal/simulated-disk.js";
import type { World } from "../world.js";

/** What befalls the master's process and its machine. */

export function killMaster({ supervisor, gate }: World): void {
  gate("the master was killed");
  supervisor.kill();
}

export function cutPower(world: World): void {
  world.gate("the power went");
  world.supervisor.cutPower(drawCut(world));
}

/** The power goes between a write and the end of its sync: any part of it may have arrived. */
export function cutPowerInSync(world: World): void {
  world.disk.storage.syncFails = true;
  world.supervisor.cutOnFailure = drawCut(world);
}

function drawCut({ random }: World): PowerCut {
  const roll = () => random.uint32() / 2 ** 32;
  const kind = random.pick(["none_of_it", "all_of_it", "some_sectors", "some_bytes"] as const);
  return kind === "some_sectors" || kind === "some_bytes" ? { kind, random: roll } : { kind };
}

/** The loop stands still: a garbage collection, a suspended machine. */
export function stallMaster({ supervisor, random, knobs, auditor, gate, scheduler }: World): void {
  const ms = random.chance(0.3)
    ? random.integer(knobs.leaseTermMs, knobs.leaseTermMs * 3)
    : random.integer(50, 3_000);
  const { master } = supervisor;
  if (master === undefined || master.clock.isStalled) return;
  if (ms > knobs.leaseTermMs) gate("the master stood still for longer than a lease");
  master.clock.stall(ms);
  auditor.terms.stall(scheduler.now, scheduler.now + ms);
}

export function setWallClock({ random, wall, gate }: World): void {
  const ms = random.integer(-3_600_000, 3_600_000);
  if (ms < 0) gate("the wall clock was set back");
  wall.offsetMs += ms;
}
