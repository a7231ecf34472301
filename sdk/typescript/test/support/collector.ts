import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** What stands at the end of OTEL_EXPORTER_OTLP_ENDPOINT: it takes everything and keeps it. */
export class Collector {
  /** The paths that were posted to. */
  readonly paths: string[] = [];
  /** All that came, as text: the names in it can be read in any encoding of OTLP. */
  text = "";
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start(): Promise<Collector> {
    const server = createServer((request, response) => {
      collector.paths.push(request.url ?? "");
      request.on("data", (chunk: Buffer) => (collector.text += chunk.toString("latin1")));
      request.on("end", () => response.end());
    });
    const collector = new Collector(server);
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return collector;
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }
}
