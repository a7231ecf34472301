import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import { freePort } from "../../src/flights/free-port.js";

describe("the port of the master that stays up", () => {
  it("is the usual one if nobody has it, and else one that the system picks", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    const { port } = other.address() as AddressInfo;
    assert.equal(await freePort(port), 0);
    other.close();
    await once(other, "close");
    assert.equal(await freePort(port), port);
  });
});
