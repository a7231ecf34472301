import type { Constraints, LabelRequirement, Resource } from "@capstan/proto/capstan/v1/common.js";
import { LabelOperator } from "@capstan/proto/capstan/v1/common.js";
import type { Constraint, Resource as CoreResource, TaskKind } from "../../core/index.js";
import { defaults, limits } from "../limits.js";
import type { Checker } from "./checker.js";

const noConstraints: readonly Constraint[] = [];
const defaultDemand: readonly CoreResource[] = [defaults.demand];

/**
 * What a task needs, each kind once, by name, so that equal demands look equal.
 *
 * @param fallback what holds when nothing is listed
 */
export function decodeDemand(
  checker: Checker,
  field: string,
  resources: readonly Resource[],
  fallback: readonly CoreResource[] = defaultDemand,
): readonly CoreResource[] {
  if (resources.length === 0) return fallback;
  if (!checker.count(field, resources.length, limits.resources)) return fallback;
  const demand: CoreResource[] = [];
  for (const [i, { name, milli }] of resources.entries()) {
    checker.name(`${field}[${i}].name`, name);
    if (demand.some((other) => other.name === name)) {
      checker.fail(`${field}[${i}].name`, `${name} is listed twice`);
    }
    demand.push({ name, milli: checker.safeInteger(`${field}[${i}].milli`, milli) });
  }
  return demand.length === 1 ? demand : demand.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** What must hold of a worker. @param fallback what holds when nothing is said */
export function decodeConstraints(
  checker: Checker,
  field: string,
  constraints: Constraints | undefined,
  fallback: readonly Constraint[] = noConstraints,
): readonly Constraint[] {
  if (constraints === undefined) return fallback;
  const { required, preferred } = constraints;
  decodePreferences(checker, `${field}.preferred`, preferred);
  if (!checker.count(`${field}.required`, required.length, limits.constraints)) return fallback;
  const decoded = required.map((requirement, i) =>
    decodeRequirement(checker, `${field}.required[${i}]`, requirement),
  );
  return decoded.sort((a, b) =>
    a.label < b.label || (a.label === b.label && a.value < b.value) ? -1 : 1,
  );
}

function decodePreferences(
  checker: Checker,
  field: string,
  preferred: Constraints["preferred"],
): void {
  if (preferred.length === 0) return;
  if (!checker.count(field, preferred.length, limits.constraints)) return;
  for (const [i, { condition, weight }] of preferred.entries()) {
    checker.range(`${field}[${i}].weight`, weight, -100, 100);
    if (condition === undefined) checker.fail(`${field}[${i}].condition`, "is missing");
    else decodeRequirement(checker, `${field}[${i}].condition`, condition);
  }
  checker.unsupported(field, "preferredConstraints");
}

function decodeRequirement(
  checker: Checker,
  field: string,
  { key, operator, values }: LabelRequirement,
): Constraint {
  checker.name(`${field}.key`, key);
  if (checker.count(`${field}.values`, values.length, limits.constraintValues)) {
    for (const [i, value] of values.entries()) {
      checker.text(`${field}.values[${i}]`, value, limits.labelValueBytes);
    }
  }
  switch (operator) {
    case LabelOperator.LABEL_OPERATOR_UNSPECIFIED:
    case LabelOperator.LABEL_OPERATOR_IN:
      if (values.length === 0) checker.fail(`${field}.values`, "at least one is needed");
      if (values.length > 1) checker.unsupported(`${field}.values`, "operators");
      break;
    case LabelOperator.LABEL_OPERATOR_NOT_IN:
      if (values.length === 0) checker.fail(`${field}.values`, "at least one is needed");
      checker.unsupported(`${field}.operator`, "operators");
      break;
    case LabelOperator.LABEL_OPERATOR_EXISTS:
    case LabelOperator.LABEL_OPERATOR_NOT_EXISTS:
      if (values.length > 0) checker.fail(`${field}.values`, "must be empty for this operator");
      checker.unsupported(`${field}.operator`, "operators");
      break;
    default:
      checker.unknownValue(`${field}.operator`, operator);
  }
  return { label: key, value: values[0] ?? "" };
}

/** Are two kinds of tasks alike in everything? Policies are, when they are one object. */
export function isSameKind(a: TaskKind, b: TaskKind): boolean {
  return a === b || (a.policy === b.policy && keyOf(a) === keyOf(b));
}

/** What tells kinds of one stage apart, but for the policy that follows from type and time-out. */
export function keyOf({ type, demand, constraints, policy }: TaskKind): string {
  return JSON.stringify([type, policy.attemptTimeoutMs, demand, constraints]);
}
