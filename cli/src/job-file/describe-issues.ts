import type { z } from "zod";

/** What is wrong with a value, a line for each place: `stages[0].tasks[2].demand.slots: …`. */
export function describeIssues(error: z.ZodError): string[] {
  return error.issues.map((issue) => {
    const place = pathText(issue.path);
    const message = messageOf(issue);
    return place === "" ? message : `${place}: ${message}`;
  });
}

function messageOf({ code, message }: z.core.$ZodIssue): string {
  if (code === "invalid_type" && message.endsWith("received undefined")) return "it is missing";
  return message.replace(/^Invalid (input|option): /, "");
}

/** A place in a file: `stages[0].tasks[2].demand.slots`. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === "number") return `${text}[${step}]`;
    const name = String(step);
    if (!/^[\w-]+$/.test(name)) return `${text}[${JSON.stringify(name)}]`;
    return text === "" ? name : `${text}.${name}`;
  }, "");
}
