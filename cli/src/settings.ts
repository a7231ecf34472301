import type { Command } from "commander";
import { Option } from "commander";
import { duration, filled } from "./arguments.js";
import { outputFormats, type OutputFormat } from "./output/formats.js";

/** What every command knows beside its own flags. */
export interface Settings {
  /** `host:port`; several with commas. */
  readonly address: string;
  readonly namespace: string;
  readonly output: OutputFormat;
  /** Whether the format was asked for, and is not the default. */
  readonly outputChosen: boolean;
  readonly color: ColorMode;
  /** How long the whole command may take; undefined: as long as it wants. */
  readonly commandTimeout: number | undefined;
  readonly verbose: boolean;
  /**
   * The flags that said which master and namespace, as ` --namespace maps`; empty where none did. A command that a hint
   * names needs them too: without them it would ask another place.
   */
  readonly whereFlags: string;
}

export type ColorMode = "auto" | "always" | "never";

/**
 * The address of a master where none is given. The SDK has the same; saying it here spares `capstan --help`
 * the loading of gRPC. A test compares the two.
 */
export const defaultAddress = "127.0.0.1:7410";

/** The flags that every command takes, before or after its name. Each has a twin in the environment. */
export function globalOptions(): Option[] {
  return [
    new Option("--address <host:port>", "where the master listens; for `server`, where to listen")
      .env("CAPSTAN_ADDRESS")
      .argParser(filled)
      .default(defaultAddress),
    new Option("-n, --namespace <name>", "the namespace of jobs and workers")
      .env("CAPSTAN_NAMESPACE")
      .argParser(filled)
      .default("default"),
    new Option("-o, --output <format>", "how results are written")
      .env("CAPSTAN_OUTPUT")
      .choices(outputFormats)
      .default("table"),
    new Option("--color <when>", "whether to use colors; NO_COLOR is honored")
      .env("CAPSTAN_COLOR")
      .choices(["auto", "always", "never"] satisfies ColorMode[])
      .default("auto"),
    new Option(
      "--command-timeout <duration>",
      "end the command after so long (30s, 5m) with code 6",
    )
      .env("CAPSTAN_COMMAND_TIMEOUT")
      .argParser(duration),
    new Option("--profile <name>", "the profile of the configuration file to use")
      .env("CAPSTAN_PROFILE")
      .argParser(filled),
    new Option("--verbose", "tell errors with their stack").default(false),
  ];
}

/** The settings as they hold for a command: flag over environment over profile over default. */
export function settingsOf(command: Command): Settings {
  const root = rootOf(command);
  const source = root.getOptionValueSource("output");
  return {
    ...root.opts<Settings>(),
    outputChosen: source !== "default",
    whereFlags: whereFlagsOf(root),
  };
}

/** What the environment says holds for the next command as well: it is not said again. */
function whereFlagsOf(root: Command): string {
  return ["profile", "address", "namespace"]
    .filter((name) => root.getOptionValueSource(name) === "cli")
    .map((name) => ` --${name} ${quoted(String(root.getOptionValue(name)))}`)
    .join("");
}

/** As a shell reads it. */
function quoted(text: string): string {
  return /^[\w.,:@/-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}

/**
 * What the address of a command was given as, for whoever has to correct it.
 */
export function nameOfAddress(command: Command): string {
  switch (rootOf(command).getOptionValueSource("address")) {
    case "env":
      return "CAPSTAN_ADDRESS";
    case "config":
      return "address of the profile";
    default:
      return "--address";
  }
}

/** The program that a command belongs to. */
export function rootOf(command: Command): Command {
  return command.parent === null ? command : rootOf(command.parent);
}
