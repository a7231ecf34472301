import type { Line } from "../network/peer.js";
import type { World } from "../world.js";

/** What befalls the ways between the master and the others. */

function someLine({ random, clients, fleet }: World): Line {
  return random.chance(0.5) ? random.pick(clients).line : random.pick(fleet.workers).line;
}

export function cutConnections(world: World): void {
  const lines = world.random.chance(0.2)
    ? [...world.clients, ...world.fleet.workers].map(({ line }) => line)
    : [someLine(world)];
  let cut = 0;
  for (const line of lines) cut += line.cut();
  if (cut > 0) world.gate("a connection was cut");
}

/** Nothing arrives any more in one direction, or in both, and nobody is told. */
export function killLink(world: World): void {
  const { random, scheduler, gate } = world;
  const line = someLine(world);
  const which = random.below(3);
  line.isDeadThere = which !== 1;
  line.isDeadBack = which !== 0;
  if (which !== 2) gate("a link was dead in one direction");
  scheduler.after(random.integer(1_000, 90_000), () => {
    line.isDeadThere = line.isDeadBack = false;
  });
}

export function slowLink(world: World): void {
  const { random, scheduler } = world;
  const line = someLine(world);
  line.slowMs = random.integer(100, 8_000);
  scheduler.after(random.integer(5_000, 60_000), () => {
    line.slowMs = 0;
  });
}
