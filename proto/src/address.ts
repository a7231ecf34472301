/** An address, taken apart. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/**
 * Reads an address as all of Capstan takes them: `HOST:PORT`, an IPv6 host in brackets. Servers, SDK and
 * command line share this, so that a bad address is told in one way wherever it was given.
 *
 * @param name what the address was given as: a flag, a variable of the environment, a field
 * @param portMin 0 where one listens: the system picks a free port
 * @throws RangeError that names where the address was given and the form that is wanted
 */
export function readAddress(name: string, text: string, portMin: 0 | 1): Address {
  const parts = /^(?:\[([0-9a-fA-F:.]+)\]|([^\s:[\]/,]+)):(\d{1,5})$/.exec(text);
  const host = parts?.[1] ?? parts?.[2];
  const port = Number(parts?.[3]);
  if (host !== undefined && port >= portMin && port <= 65_535) return { host, port };
  throw new RangeError(
    `${name}: ${JSON.stringify(text)} is no address; HOST:PORT is wanted, like 127.0.0.1:7410 or ` +
      `[::1]:7410, with a port from ${portMin} to 65535`,
  );
}

/**
 * The addresses where a master may be found: several texts, each of which may hold several with commas.
 *
 * @throws RangeError as {@link readAddress} does, also when a text holds none
 */
export function readAddresses(name: string, texts: readonly string[]): readonly string[] {
  return texts.flatMap((text) => {
    const given = text.split(",").map((part) => part.trim());
    const addresses = given.filter((part) => part !== "");
    for (const address of addresses) readAddress(name, address, 1);
    if (addresses.length === 0) readAddress(name, text, 1);
    return addresses;
  });
}
