/** The kinds of faults; each is in a run or not. */
export const faultClasses = [
  "kill_master",
  "cut_power",
  "stall_master",
  "slow_disk",
  "block_disk",
  "full_disk",
  "fail_fsync",
  "fail_write",
  "cut_power_in_sync",
  "set_wall_clock",
  "cut_connections",
  "half_dead_links",
  "slow_links",
  "crash_workers",
  "pause_workers",
  "drain_workers",
  "double_workers",
  "forgetful_workers",
  "resize_workers",
] as const;

export type FaultClass = (typeof faultClasses)[number];
