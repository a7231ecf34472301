import type { World } from "../world.js";
import type { FaultClass } from "./classes.js";
import { blockDisk, failFsync, failWrite, fullDisk, slowDisk } from "./disk-faults.js";
import {
  cutPower,
  cutPowerInSync,
  killMaster,
  setWallClock,
  stallMaster,
} from "./master-faults.js";
import { cutConnections, killLink, slowLink } from "./network-faults.js";
import {
  crashWorker,
  doubleWorker,
  drainWorker,
  forgetfulWorker,
  pauseWorker,
  resizeWorker,
} from "./worker-faults.js";

/** What each fault does. Another one is a function, a name in `classes.ts` and a line here. */
export const strikes: Readonly<Record<FaultClass, (world: World) => void>> = {
  kill_master: killMaster,
  cut_power: cutPower,
  stall_master: stallMaster,
  slow_disk: slowDisk,
  block_disk: blockDisk,
  full_disk: fullDisk,
  fail_fsync: failFsync,
  fail_write: failWrite,
  cut_power_in_sync: cutPowerInSync,
  set_wall_clock: setWallClock,
  cut_connections: cutConnections,
  half_dead_links: killLink,
  slow_links: slowLink,
  crash_workers: crashWorker,
  pause_workers: pauseWorker,
  drain_workers: drainWorker,
  double_workers: doubleWorker,
  forgetful_workers: forgetfulWorker,
  resize_workers: resizeWorker,
};
