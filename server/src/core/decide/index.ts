import type { Command, CommandKind, CommandOf } from "../commands.js";
import type { Context, Settings } from "../context.js";
import type { Decision, ReplyOf } from "../decision.js";
import type { State } from "../state/state.js";
import { decideAdvanceJob } from "./advance-job.js";
import { decideAppendTasks } from "./append-tasks.js";
import { decideCancelJob } from "./cancel-job.js";
import { decideCompleteLease } from "./complete-lease.js";
import { decideExpireLease, decideRecallLease, decideTimeOutAttempt } from "./end-leases.js";
import { decideFailLease } from "./fail-lease.js";
import { decideLapseUpload } from "./lapse-upload.js";
import { decideLoseWorker } from "./lose-worker.js";
import { decidePlace } from "./place.js";
import { decideReconcileHeld } from "./reconcile-held.js";
import { decideRegisterWorker } from "./register-worker.js";
import { decideReleaseTasks } from "./release-tasks.js";
import { decideForgetKeys, decideRetireJobs, decideRetireTasks } from "./retire-jobs.js";
import { decideReturnLease } from "./return-lease.js";
import { decideSaveCheckpoint } from "./save-checkpoint.js";
import { decideSealJob } from "./seal-job.js";
import { decideSubmitJob } from "./submit-job.js";
import { decideSweepJob } from "./sweep-job.js";
import { decideDrainWorker, decideUpdateWorker } from "./update-worker.js";

type Decider<K extends CommandKind> = (
  state: State,
  command: CommandOf<K>,
  context: Context,
  settings: Settings,
) => Decision<ReplyOf<K>>;

// A new command does not compile until it has a row here.
const deciders: { readonly [K in CommandKind]: Decider<K> } = {
  submit_job: decideSubmitJob,
  append_tasks: decideAppendTasks,
  seal_job: decideSealJob,
  cancel_job: decideCancelJob,
  register_worker: decideRegisterWorker,
  update_worker: decideUpdateWorker,
  drain_worker: decideDrainWorker,
  complete_lease: decideCompleteLease,
  fail_lease: decideFailLease,
  return_lease: decideReturnLease,
  save_checkpoint: decideSaveCheckpoint,
  reconcile_held: decideReconcileHeld,
  place: decidePlace,
  expire_lease: decideExpireLease,
  recall_lease: decideRecallLease,
  time_out_attempt: decideTimeOutAttempt,
  lose_worker: decideLoseWorker,
  release_tasks: decideReleaseTasks,
  lapse_upload: decideLapseUpload,
  advance_job: decideAdvanceJob,
  sweep_job: decideSweepJob,
  retire_jobs: decideRetireJobs,
  retire_tasks: decideRetireTasks,
  forget_keys: decideForgetKeys,
};

/**
 * Decides a command: events that the engine then applies, or a rejection. Reads the state,
 * changes nothing of it; draws only from the context.
 */
export function decide<K extends CommandKind>(
  state: State,
  command: CommandOf<K> & Command,
  context: Context,
  settings: Settings,
): Decision<ReplyOf<K>> {
  const decider = deciders[command.kind as K] as Decider<K>;
  return decider(state, command as CommandOf<K>, context, settings);
}
