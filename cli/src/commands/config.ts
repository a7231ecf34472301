import type { Command } from "commander";
import { length } from "../output/human.js";
import { widthOf } from "../output/job-view.js";
import { serialize } from "../output/plain.js";
import { table } from "../output/table.js";
import { configurationPath } from "../profile.js";
import { sides } from "../session.js";
import { rootOf, settingsOf } from "../settings.js";
import { examples, type Program } from "./command.js";

/** Where a value came from, as people say it. */
const origins: Readonly<Record<string, string>> = {
  cli: "flag",
  env: "environment",
  config: "profile",
  default: "default",
};

/** `capstan config show` */
export function addConfig(root: Command, program: Program): void {
  const config = root.command("config").description("look at the settings");
  config
    .command("show")
    .description("show each setting and where its value comes from")
    .addHelpText("after", examples("capstan config show", "capstan config show --profile staging"))
    .action((_flags: unknown, command: Command) => program.alone(() => show(command, program)));
}

async function show(command: Command, { surroundings }: Program): Promise<void> {
  const root = rootOf(command);
  const settings = settingsOf(command);
  const { out } = sides(settings, surroundings);
  const rows = root.options
    .map((option) => option.attributeName())
    .filter((name) => shown.has(name))
    .map((name) => {
      const value: unknown = root.getOptionValue(name);
      const source = root.getOptionValueSource(name) ?? "default";
      return { setting: name, value: value ?? null, origin: origins[source] ?? source };
    });
  if (settings.output !== "table") return out.write(await serialize(rows, settings.output));
  const cells = rows.map(({ setting, value, origin }) => [setting, textOf(value), origin]);
  out.line(
    table(["SETTING", "VALUE", "FROM"], cells, { palette: out.palette, columns: widthOf(out) }),
  );
  out.line(`\nProfiles are read from ${configurationPath(surroundings.env)}`);
}

const shown = new Set(["address", "namespace", "output", "color", "commandTimeout", "profile"]);

function textOf(value: unknown): string {
  return typeof value === "number" ? length(value) : String(value ?? "-");
}
