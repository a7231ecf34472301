/** Where a worker stands, and how far that is from data. */
import type { TaskInput } from "@capstan/sdk";

/** How far a reader is from its data. */
export type Distance = "host" | "rack" | "remote";

/** A host among others: the rack of each is in a small table that every worker is given. */
export class Place {
  readonly host: string;
  readonly #racks: ReadonlyMap<string, string>;

  constructor(host: string, racks: Iterable<readonly [host: string, rack: string]>) {
    this.host = host;
    this.#racks = new Map(racks);
  }

  /** The table as the text of an option, `oak=north,elm=north`, to a place. */
  static parse(host: string, table: string): Place {
    const pairs = table.split(",").map((pair) => pair.split("="));
    return new Place(
      host,
      pairs.map(([name = "", rack = ""]) => [name, rack]),
    );
  }

  /** The rack of this host; undefined when the table does not name it. */
  get rack(): string | undefined {
    return this.#racks.get(this.host);
  }

  /** How far a task's input is: the nearest of the hosts that hold a copy counts. */
  distanceTo(input: TaskInput): Distance {
    const holders = input.hosts ?? [];
    if (holders.includes(this.host)) return "host";
    const { rack } = this;
    const isNear = rack !== undefined && holders.some((holder) => this.#racks.get(holder) === rack);
    return isNear ? "rack" : "remote";
  }
}
