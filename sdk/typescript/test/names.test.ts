import assert from "node:assert/strict";
import { DependencyKind } from "@capstan/proto/capstan/v1/common.js";
import { Charge, FailureKind } from "@capstan/proto/capstan/v1/failure.js";
import { EndCause, JobState, WarningKind } from "@capstan/proto/capstan/v1/job.js";
import {
  MasterRole,
  WorkerAdmission,
  WorkerConnection,
} from "@capstan/proto/capstan/v1/operator_service.js";
import {
  DeliveryEnd,
  LeaseState,
  LocalityLevel,
  TaskState,
  WaitReason,
} from "@capstan/proto/capstan/v1/task.js";
import * as names from "../src/client/names.js";

/** Each table with its enum and the prefix of its values. */
const tables: [readonly string[], Record<string, string | number>, string][] = [
  [names.jobStates, JobState, "JOB_STATE_"],
  [names.endCauses, EndCause, "END_CAUSE_"],
  [names.taskStates, TaskState, "TASK_STATE_"],
  [names.waitReasons, WaitReason, "WAIT_REASON_"],
  [names.failureKinds, FailureKind, "FAILURE_KIND_"],
  [names.charges, Charge, "CHARGE_"],
  [names.leaseStates, LeaseState, "LEASE_STATE_"],
  [names.deliveryEnds, DeliveryEnd, "DELIVERY_END_"],
  [names.localityLevels, LocalityLevel, "LOCALITY_LEVEL_"],
  [names.warningKinds, WarningKind, "WARNING_KIND_"],
  [names.workerConnections, WorkerConnection, "WORKER_CONNECTION_"],
  [names.workerAdmissions, WorkerAdmission, "WORKER_ADMISSION_"],
  [names.masterRoles, MasterRole, "MASTER_ROLE_"],
  [names.dependencyKinds, DependencyKind, "DEPENDENCY_KIND_"],
];

describe("names of enums", () => {
  for (const [table, wire, prefix] of tables) {
    it(`${prefix}* are those of the contract`, () => {
      const known = Object.entries(wire).filter(
        ([, value]) => typeof value === "number" && value > 0,
      );
      assert.equal(table.length, known.length + 1);
      for (const [name, value] of known) {
        assert.equal(table[value as number], name.slice(prefix.length).toLowerCase());
        assert.equal(names.valueOf(table.slice(1), table[value as number]!) + 1, value);
      }
      assert.equal(names.nameOf(table, 9_999), "unknown");
    });
  }
});
