import type { World } from "../world.js";

/** What befalls workers. */

export function crashWorker({ random, fleet }: World): void {
  const sameLife = random.chance(0.2);
  random.pick(fleet.workers).crash(random.integer(10, 40_000), sameLife);
}

/** A pause longer than a lease, now and then: what it says afterwards is stale, or comes as its lease ends. */
export function pauseWorker({ random, fleet, knobs }: World): void {
  const { process } = random.pick(fleet.workers);
  const isLong = random.chance(0.6);
  const isClose = random.chance(0.5);
  const long = random.integer(knobs.leaseTermMs, knobs.leaseTermMs * 4);
  const short = random.integer(100, 5_000);
  const nearMs = random.integer(-100, 100);
  const closeMs = Math.max(0, (process?.termLeftMs ?? 0) + nearMs);
  process?.peer.clock.stall(isClose ? closeMs : isLong ? long : short);
}

export function drainWorker({ random, fleet }: World): void {
  random.pick(fleet.workers).process?.drain();
}

/** Another process under the same id: the newest wins. */
export function doubleWorker({ random, fleet }: World): void {
  random.pick(fleet.workers).double();
}

export function forgetfulWorker({ random, fleet }: World): void {
  random.pick(fleet.workers).process?.forget();
}

export function resizeWorker({ random, fleet, knobs }: World): void {
  const slots = knobs.crowd * random.integer(0, 4);
  random.pick(fleet.workers).resize(slots, knobs.crowd * random.integer(0, 2));
}
