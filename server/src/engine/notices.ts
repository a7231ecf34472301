import type { Notice, State } from "../core/index.js";
import { assert, queries } from "../core/index.js";
import type { CommitPipeline } from "./commit.js";

/**
 * Puts a notice on its way to its worker's session. What it says is read now, in the turn of the
 * decision; it leaves once that is durable. A worker without a session hears when it is back.
 */
export function tell(state: State, notice: Notice, commit: CommitPipeline): void {
  const { session } = state.worker(notice.worker);
  switch (notice.kind) {
    case "supersede":
      commit.notify(notice.session, { kind: "superseded" });
      return;
    case "assign": {
      const assignment = queries.assignment(state, notice.lease);
      assert(assignment !== undefined, "a lease is gone in the turn of its grant");
      commit.notify(session, { kind: "assign", assignment });
      return;
    }
    case "cancel":
    case "recall":
      if (session === 0) return;
      commit.notify(session, notice);
  }
}
