import type { PlacementPolicy } from "@capstan/proto/capstan/v1/policy.js";
import { LocalityMode, PlacementStrategy } from "@capstan/proto/capstan/v1/policy.js";
import { JobSpec } from "@capstan/proto/capstan/v1/job.js";
import type { JobSpec as CoreJobSpec, TaskPolicy } from "../../core/index.js";
import { limits } from "../limits.js";
import { Checker } from "./checker.js";
import { decodePolicy, defaultPolicy } from "./policy.js";

/** What a job says of all its tasks: the policy of each type, and whether the data's place matters. */
export class JobPolicies {
  readonly #base: TaskPolicy;
  readonly #byType: ReadonlyMap<string, TaskPolicy>;
  /** False: the hosts of inputs are ignored. */
  readonly placesByData: boolean;

  constructor(base: TaskPolicy, byType: ReadonlyMap<string, TaskPolicy>, placesByData: boolean) {
    this.#base = base;
    this.#byType = byType;
    this.placesByData = placesByData;
  }

  policyOf(type: string): TaskPolicy {
    return this.#byType.get(type) ?? this.#base;
  }
}

const allDefaults = new JobPolicies(defaultPolicy, new Map(), true);

export function decodeJobPolicies(checker: Checker, spec: JobSpec): JobPolicies {
  const placesByData = decodePlacement(checker, spec.placement);
  const types = Object.entries(spec.typePolicies);
  if (spec.policy === undefined && types.length === 0 && placesByData) return allDefaults;
  const base = decodePolicy(checker, ".policy", spec.policy, defaultPolicy);
  const byType = new Map<string, TaskPolicy>();
  if (checker.count(".type_policies", types.length, limits.typePolicies)) {
    for (const [type, policy] of types) {
      const field = `.type_policies[${JSON.stringify(type)}]`;
      checker.name(field, type);
      byType.set(type, decodePolicy(checker, field, policy, base));
    }
  }
  return new JobPolicies(base, byType, placesByData);
}

/**
 * The policies of a job that was submitted before, for the later parts of its upload: read from the
 * words that it was submitted with, which were checked then.
 */
export function storedJobPolicies(spec: CoreJobSpec): JobPolicies {
  if (spec.source === undefined) return allDefaults;
  return decodeJobPolicies(new Checker("", "job"), JobSpec.decode(spec.source));
}

function decodePlacement(checker: Checker, placement: PlacementPolicy | undefined): boolean {
  if (placement === undefined) return true;
  const { hostPatienceMs, rackPatienceMs, strategy, locality } = placement;
  checkPatience(checker, ".placement.host_patience_ms", hostPatienceMs);
  checkPatience(checker, ".placement.rack_patience_ms", rackPatienceMs);
  switch (strategy) {
    case PlacementStrategy.PLACEMENT_STRATEGY_UNSPECIFIED:
    case PlacementStrategy.PLACEMENT_STRATEGY_BALANCE:
      break;
    case PlacementStrategy.PLACEMENT_STRATEGY_SPREAD:
    case PlacementStrategy.PLACEMENT_STRATEGY_PACK:
      checker.unsupported(".placement.strategy", "strategy");
      break;
    default:
      checker.unknownValue(".placement.strategy", strategy);
  }
  switch (locality) {
    case LocalityMode.LOCALITY_MODE_UNSPECIFIED:
    case LocalityMode.LOCALITY_MODE_PREFER:
      return true;
    case LocalityMode.LOCALITY_MODE_IGNORE:
      return false;
    default:
      checker.unknownValue(".placement.locality", locality);
      return true;
  }
}

function checkPatience(checker: Checker, field: string, patienceMs: number | undefined): void {
  const wanted = checker.optional(field, patienceMs, 0, limits.patienceMs, 0);
  if (wanted > 0) checker.unsupported(field, "patience");
}

/**
 * What is kept of a job's own words: all that is not spelled out in the core's spec.
 *
 * @returns undefined when it left everything to the defaults
 */
export function encodeSource(spec: JobSpec): Uint8Array | undefined {
  if (saysNothing(spec)) return undefined;
  const bytes = JobSpec.encode({ ...spec, name: "", stages: [], labels: {}, priority: 0 }).finish();
  return bytes.length === 0 ? undefined : bytes;
}

/** Does a job leave all to the defaults that the core's spec has no words for? */
export function saysNothing(spec: JobSpec): boolean {
  return (
    spec.policy === undefined &&
    spec.placement === undefined &&
    spec.onTaskFailure === undefined &&
    spec.deadlineMs === undefined &&
    spec.uploadTtlMs === undefined &&
    spec.retentionMs === undefined &&
    Object.keys(spec.typePolicies).length === 0
  );
}
