import type { CapstanError } from "./errors.js";

/** News of the way to the master: once when it is lost, once when it is found again. */
export type ConnectionNews =
  | {
      /** None of the addresses answers; it is tried again. */
      readonly state: "unreachable";
      /** The addresses, as `host:port`, with commas between them. */
      readonly address: string;
      /** What the last try ended with. */
      readonly error: CapstanError;
    }
  | {
      /** A master answers again. */
      readonly state: "reached";
      /** The addresses, as above. */
      readonly address: string;
    };

/** Who hears {@link ConnectionNews}. It must not throw. */
export type OnConnection = (news: ConnectionNews) => void;

/** What is said where nobody asked to hear it: a line on stderr. A process that only waits looks dead. */
export function sayOnStderr(
  news: ConnectionNews,
  stderr: { write(text: string): unknown } = process.stderr,
): void {
  const { address } = news;
  // The address once is enough in a line.
  const why =
    news.state === "reached"
      ? ""
      : news.error.message.replace(/^no master .*?: |^what answers at \S+ /, "");
  stderr.write(
    news.state === "reached"
      ? `capstan: reached the master at ${address} again\n`
      : `capstan: cannot reach the master at ${address}, trying again (${why})\n`,
  );
}

/**
 * Makes two pieces of news of any number of failures: a master that is away is tried many times a minute, and
 * a log that says so each time is as bad as one that says nothing.
 */
export class Reachability {
  readonly #addresses: readonly string[];
  readonly #tell: OnConnection;
  #failures = 0;
  #isAway = false;

  constructor(addresses: readonly string[], tell: OnConnection = (news) => sayOnStderr(news)) {
    this.#addresses = addresses;
    this.#tell = tell;
  }

  /** A try has failed, and another follows. It is news once every address had its turn. */
  failed(error: CapstanError): void {
    this.#failures += 1;
    if (this.#isAway || this.#failures < this.#addresses.length) return;
    this.#isAway = true;
    this.#tell({ state: "unreachable", address: this.#address(), error });
  }

  /** A master has answered. */
  answered(): void {
    this.#failures = 0;
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#tell({ state: "reached", address: this.#address() });
  }

  #address(): string {
    return this.#addresses.join(",");
  }
}
