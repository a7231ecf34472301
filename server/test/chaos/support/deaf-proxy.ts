import type { AddressInfo, Socket } from "node:net";
import { connect, createServer } from "node:net";

/**
 * A link that can go deaf: what the worker says still reaches the master, what the master answers
 * does not come back. Results become durable whose settlement nobody hears.
 */
export class DeafProxy {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((client) => {
    this.#join(client);
  });
  readonly #upstream: () => number;
  #onMissed: (() => void) | undefined;
  #isDeaf = false;

  /** @param upstream the port to go to, asked for each connection */
  constructor(upstream: () => number) {
    this.#upstream = upstream;
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** From now on nothing comes back, until `hear`. Resolves once something was missed. */
  deafen(): Promise<void> {
    this.#isDeaf = true;
    return new Promise((resolve) => {
      this.#onMissed = resolve;
    });
  }

  /** New connections hear again; the deaf ones end, for what they missed cannot be made up. */
  hear(): void {
    this.#isDeaf = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #join(client: Socket): void {
    const master = connect(this.#upstream(), "127.0.0.1");
    for (const socket of [client, master]) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        client.destroy();
        master.destroy();
      });
    }
    client.on("data", (bytes) => master.write(bytes));
    master.on("data", (bytes) => {
      if (this.#isDeaf) this.#onMissed?.();
      else client.write(bytes);
    });
  }
}
