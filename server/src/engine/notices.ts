import type { LeaseNo, Notice, State } from "../core/index.js";
import { assert, queries } from "../core/index.js";
import type { CommitPipeline } from "./commit.js";

/**
 * Puts a notice on its way to its worker's session; it leaves once its event is durable. A worker
 * without a session hears when it is back.
 */
export function tell(state: State, notice: Notice, commit: CommitPipeline): void {
  switch (notice.kind) {
    case "supersede":
      commit.notify(notice.session, { kind: "superseded" });
      return;
    case "cancel":
    case "recall": {
      const { session } = state.worker(notice.worker);
      if (session !== 0) commit.notify(session, notice);
    }
  }
}

/** The same for what a round of placement granted. What it says is read now, in the turn of the grant. */
export function tellGranted(
  state: State,
  leases: readonly LeaseNo[],
  commit: CommitPipeline,
): void {
  for (const no of leases) {
    const lease = state.leases.get(no);
    const assignment = queries.assignment(state, no);
    assert(
      lease !== undefined && assignment !== undefined,
      "a lease is gone in the turn of its grant",
    );
    commit.notify(state.worker(lease.worker).session, assignment);
  }
}
