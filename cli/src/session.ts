import { readAddresses } from "@capstan/proto/address.js";
import type { Client, OnConnection } from "@capstan/sdk";
import type { Command } from "commander";
import { asUsage, CliError } from "./errors.js";
import { exitCodes } from "./exit-codes.js";
import { length } from "./output/human.js";
import { paletteOf, type Palette } from "./output/palette.js";
import { nameOfAddress, settingsOf, type Settings } from "./settings.js";
import type { OutputStream, Surroundings } from "./surroundings.js";

/** A stream and how to paint on it. */
export interface Side {
  readonly stream: OutputStream;
  readonly palette: Palette;
  /** Writes a text and ends the line. */
  line(text: string): void;
  /** Writes as it is, and waits while the reader is slower. */
  write(content: string | Uint8Array): Promise<void>;
}

/** What a command that speaks to a master is given. */
export interface Session {
  readonly settings: Settings;
  readonly surroundings: Surroundings;
  readonly client: Client;
  /** Says who hears that the master is away and back, from now on. Before that nobody does. */
  hearConnection(hear: OnConnection): void;
  /** The result. */
  readonly out: Side;
  /** What happens on the way. */
  readonly err: Side;
  /** Aborted when the command's time is up. */
  readonly timeUp: AbortSignal;
}

/** What a command does; what it resolves to is the exit code, nothing means 0. */
export type Body<Given> = (session: Given) => Promise<number | void>;

/** How long a command that was told to end may take to put the terminal in order. */
const tidyUpMs = 250;

/** Runs a command against the master of its settings. */
export async function withSession(
  command: Command,
  surroundings: Surroundings,
  body: Body<Session>,
): Promise<number> {
  const settings = settingsOf(command);
  asUsage(() => readAddresses(nameOfAddress(command), [settings.address]));
  const sdk = await import("@capstan/sdk");
  const limit = settings.commandTimeout;
  let hear: OnConnection = () => undefined;
  const client = new sdk.Client({
    address: settings.address,
    namespace: settings.namespace,
    // A person who named a wrong address wants to hear so now.
    retryForMs: 0,
    onConnection: (news) => hear(news),
    ...(limit === undefined ? {} : { callTimeoutMs: limit }),
  });
  const clock = startClock(limit);
  try {
    const hearConnection = (next: OnConnection): void => void (hear = next);
    const session = {
      settings,
      surroundings,
      client,
      hearConnection,
      ...sides(settings, surroundings),
    };
    const done = body({ ...session, timeUp: clock.signal });
    return (await Promise.race([done, clock.expired])) ?? exitCodes.ok;
  } catch (error) {
    throw clock.signal.aborted ? clock.signal.reason : error;
  } finally {
    clock.stop();
    client.close();
  }
}

/** Both streams of a command. */
export function sides(
  settings: Pick<Settings, "color">,
  surroundings: Surroundings,
): { readonly out: Side; readonly err: Side } {
  const side = (stream: OutputStream): Side => ({
    stream,
    palette: paletteOf(settings.color, stream, surroundings.env),
    line: (text) => void stream.write(`${text}\n`),
    write: (content) =>
      new Promise((resolve, reject) => {
        stream.write(content, (error) => (error ? reject(error) : resolve()));
      }),
  });
  return { out: side(surroundings.stdout), err: side(surroundings.stderr) };
}

interface CommandClock {
  readonly signal: AbortSignal;
  /** Rejects a moment after the signal, for a command that does not hear it. */
  readonly expired: Promise<never>;
  stop(): void;
}

function startClock(limitMs: number | undefined): CommandClock {
  const controller = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  const expired = new Promise<never>((_, reject) => {
    if (limitMs === undefined) return;
    const reason = timeUpError(limitMs);
    timers.push(setTimeout(() => controller.abort(reason), limitMs));
    timers.push(setTimeout(() => reject(reason), limitMs + tidyUpMs));
  });
  return { signal: controller.signal, expired, stop: () => timers.forEach(clearTimeout) };
}

function timeUpError(limitMs: number): CliError {
  return new CliError(`the command took longer than ${length(limitMs)}`, {
    exitCode: exitCodes.timeout,
    hint: "--command-timeout bounds the command alone: it ends no job",
  });
}
