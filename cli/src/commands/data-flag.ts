import { homedir } from "node:os";
import { join } from "node:path";
import { Option } from "commander";
import { filled } from "../arguments.js";

/** Where a master keeps its journal, and where the commands that look at one find it. */
export function dataFlag(): Option {
  return new Option("--data <folder>", "the folder of the journal")
    .env("CAPSTAN_DATA")
    .argParser(filled)
    .default(join(homedir(), ".local/share/capstan"), "~/.local/share/capstan");
}
