import { once } from "node:events";
import { createServer } from "node:net";

/** Where the pages say that a master is. */
export const usualPort = 7410;

/** The port to listen on: the usual one if nobody has it, else 0, by which the system picks one. */
export async function freePort(usual = usualPort): Promise<number> {
  const probe = createServer();
  try {
    probe.listen(usual, "127.0.0.1");
    await once(probe, "listening");
    return usual;
  } catch {
    return 0;
  } finally {
    probe.close();
  }
}
