import { type ServerDuplexStream, Server, ServerCredentials } from "@grpc/grpc-js";
import type { Assign } from "@capstan/proto/capstan/v1/session.js";
import { echoService } from "../support/echo-service.js";
import { serve } from "../support/remote.js";

/** What can be asked of the process. */
export type EchoServerCalls = {
  /** @returns the address */
  listen: (argument: null) => Promise<string>;
};

const server = new Server();
server.addService(echoService, {
  echo: (call: ServerDuplexStream<Assign, Assign>) => {
    // What is in flight is bounded by the client: no need to heed backpressure.
    call.on("data", (message: Assign) => call.write(message));
    call.on("end", () => {
      call.end();
    });
  },
});

serve({
  listen: () =>
    new Promise<string>((resolve, reject) => {
      server.bindAsync("127.0.0.1:0", ServerCredentials.createInsecure(), (error, port) => {
        if (error === null) resolve(`127.0.0.1:${String(port)}`);
        else reject(error);
      });
    }),
} satisfies EchoServerCalls);
