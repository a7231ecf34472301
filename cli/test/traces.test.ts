import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { capstan, start } from "./support/capstan.js";
import { openHouse, type House } from "./support/house.js";

describe("the traces of capstan", function () {
  this.timeout(20_000);
  let house: House;
  let exported = "";
  const collector = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => (exported += chunk.toString("latin1")));
    request.on("end", () => response.end());
  });
  const env = () => ({
    OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
  });

  before(async () => {
    collector.listen(0, "127.0.0.1");
    await once(collector, "listening");
    house = await openHouse();
  });
  after(async () => {
    await house.stop();
    collector.closeAllConnections();
    collector.close();
  });

  for (const command of ["submit", "run"]) {
    it(`are sent before job ${command} ends, where the standard variables say`, async () => {
      const input = JSON.stringify({
        name: `traced-${command}`,
        stages: [{ taskType: "echo", tasks: [{}] }],
      });
      const { code, stderr } = await house.capstan(["job", command, "-"], { input, env: env() });
      assert.equal(code, 0, stderr);
      assert(exported.includes(`send traced-${command}`), "its span was not exported");
      assert(exported.includes("capstan-cli"), "its service has no name");
    });
  }

  it("are logged as lost by capstan server, once, where the collector does not take them", async () => {
    const refusing = createServer((request, response) => {
      request.resume().on("end", () => response.writeHead(400).end());
    });
    refusing.listen(0, "127.0.0.1");
    await once(refusing, "listening");
    const endpoint = `http://127.0.0.1:${(refusing.address() as AddressInfo).port}`;
    // So often that the loss is met more than once.
    const lossy = { OTEL_EXPORTER_OTLP_ENDPOINT: endpoint, OTEL_BSP_SCHEDULE_DELAY: "1" };
    const server = start(["server", "--memory", "--address", "127.0.0.1:0"], { env: lossy });
    try {
      const [, address = ""] = await server.says(/listening on (\S+)\n/);
      const input = JSON.stringify({ name: "lost", stages: [{ taskType: "t", tasks: [{}] }] });
      for (let i = 0; i < 2; i += 1) {
        const refused = once(refusing, "request");
        await capstan(["job", "submit", "-", "--address", address], { input });
        await refused;
      }
    } finally {
      server.child.kill("SIGTERM");
      refusing.closeAllConnections();
      refusing.close();
    }
    const { code, stderr } = await server.ended;
    const lines = stderr.split("\n").filter((line) => line.includes("traces are lost"));
    assert.equal(lines.length, 1, stderr);
    assert.match(lines[0] ?? "", new RegExp(`"level":40.*traces are lost: ${endpoint} does not`));
    assert.equal(code, 0);
  });

  it("are made by capstan server, too, of jobs that came without any", async () => {
    const server = start(["server", "--memory", "--address", "127.0.0.1:0"], { env: env() });
    try {
      const [, address = ""] = await server.says(/listening on (\S+)\n/);
      const input = JSON.stringify({ name: "untraced", stages: [{ taskType: "t", tasks: [{}] }] });
      const { code } = await capstan(["job", "submit", "-", "--address", address], { input });
      assert.equal(code, 0);
    } finally {
      server.child.kill("SIGTERM");
      await server.ended;
    }
    assert(exported.includes("capstan-master"), "the master exported nothing");
    assert(exported.includes("untraced"), "it has not told of the job");
  });
});
