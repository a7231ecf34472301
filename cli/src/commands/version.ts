import type { MasterInfo } from "@capstan/sdk";
import type { Command } from "commander";
import { explain } from "../errors.js";
import { length } from "../output/human.js";
import { serialize } from "../output/plain.js";
import { facts } from "../output/table.js";
import type { Session } from "../session.js";
import { ownVersion } from "../version.js";
import { examples, type Program } from "./command.js";

/** `capstan version` */
export function addVersion(root: Command, program: Program): void {
  root
    .command("version")
    .description("show the version of this command, and of the master if one answers")
    .addHelpText("after", examples("capstan version", "capstan version -o json"))
    .action((_flags: unknown, command: Command) => program.connected(command, version));
}

async function version({ client, out, settings }: Session): Promise<void> {
  const { address, output: format } = settings;
  const answer = await client.getMaster().catch(async (error: unknown) => {
    return (await explain(error, address)).message;
  });
  if (format !== "table") {
    const master = typeof answer === "string" ? { error: answer } : { info: answer };
    return out.write(await serialize({ capstan: ownVersion(), address, master }, format));
  }
  const pairs = [
    ["capstan", ownVersion()] as const,
    ["Master", masterText(answer, address)] as const,
  ];
  out.line(facts(pairs, out.palette));
}

function masterText(answer: MasterInfo | string, address: string): string {
  if (typeof answer === "string") return answer;
  const { version: its, role, protocolMin, protocolMax, uptimeMs } = answer;
  const protocol =
    protocolMin === protocolMax ? String(protocolMin) : `${protocolMin}-${protocolMax}`;
  return `${its} at ${address} (${role}, protocol ${protocol}, up ${length(uptimeMs)})`;
}
