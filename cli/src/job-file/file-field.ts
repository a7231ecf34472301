import type { JobDefinition } from "@capstan/sdk";
import { pathText } from "./describe-issues.js";

/**
 * The place of a job file that a field of the contract was written from. The master names fields as the
 * contract does; whoever wrote the file knows only the file's own names.
 *
 * @param field such as `job.stages[0].tasks[1].demand[0].milli`
 * @param job what the file says
 * @returns such as `stages[0].tasks[1].demand.slots`
 */
export function fileField(field: string, job: JobDefinition): string {
  const flag = flags[field];
  if (flag !== undefined) return flag;
  const path: PropertyKey[] = [];
  let value: unknown = job;
  const go = (step: PropertyKey): void => {
    path.push(step);
    value = (value as Record<PropertyKey, unknown> | undefined | null)?.[step];
  };
  const steps = stepsOf(field);
  if (steps[0] === "job") steps.shift();
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i] as string | number;
    const [next, last] = [steps[i + 1], path[path.length - 1]];
    if (step === "tolerate" && next !== undefined) {
      go(camel(`tolerate_${next}`));
      i += 1;
    } else if (typeof step === "number" && last === "demand") {
      // A list of amounts there is a table of them here; it is written down in the table's order.
      go(Object.keys((value as object | undefined) ?? {})[step] ?? step);
      i += 1;
    } else if (step === "condition" && path.includes("preferred")) {
      // What is nested there lies flat here.
    } else if (step === "payload" && isRaw(value)) {
      go("payloadBase64");
    } else {
      go(typeof step === "string" && !isKey(last) ? camel(step) : step);
    }
  }
  return pathText(path);
}

const flags: Readonly<Record<string, string | undefined>> = {
  namespace: "--namespace",
  idempotency_key: "--key",
};

/** `a.b[0]["c"]` as its steps. */
function stepsOf(field: string): (string | number)[] {
  const steps = field.matchAll(/([A-Za-z0-9_]+)|\[(\d+)\]|\[("(?:[^"\\]|\\.)*")\]/g);
  return [...steps].map(([, name, index, key]) => {
    if (index !== undefined) return Number(index);
    return key === undefined ? (name ?? "") : (JSON.parse(key) as string);
  });
}

function camel(name: string): string {
  return name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

/** Are the names below this one the author's own? */
function isKey(parent: PropertyKey | undefined): boolean {
  return parent === "labels" || parent === "typePolicies";
}

/** A payload that stands in the file as base64 has become bytes. */
function isRaw(task: unknown): boolean {
  return (task as { payload?: unknown } | undefined)?.payload instanceof Uint8Array;
}
