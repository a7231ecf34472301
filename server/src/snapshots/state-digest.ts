import { createHash } from "node:crypto";
import { type FoldSink, foldState, type State } from "../core/index.js";

const NUMBERS = 8_192;
const TEXT_CHARS = 64 * 1024;

/** The digest of a state: 64 hex digits, the same for two masters in the same state. */
export function stateDigest(state: State): string {
  const sink = new HashSink();
  foldState(state, sink);
  return sink.digest();
}

/** Numbers and texts are hashed apart, many at a time: a call for each would be most of the work. */
class HashSink implements FoldSink {
  readonly #numberHash = createHash("sha256");
  readonly #textHash = createHash("sha256");
  readonly #numbers = new Float64Array(NUMBERS);
  #count = 0;
  #text = "";

  number(value: number): void {
    if (this.#count === NUMBERS) this.#flushNumbers();
    // Plain data knows one zero.
    this.#numbers[this.#count++] = value === 0 ? 0 : value;
  }

  text(value: string): void {
    // Where one text ends and the next begins.
    this.number(value.length);
    this.#text += value;
    if (this.#text.length >= TEXT_CHARS) this.#flushText();
  }

  digest(): string {
    this.#flushNumbers();
    this.#flushText();
    return createHash("sha256")
      .update(this.#numberHash.digest())
      .update(this.#textHash.digest())
      .digest("hex");
  }

  #flushNumbers(): void {
    this.#numberHash.update(this.#numbers.subarray(0, this.#count));
    this.#count = 0;
  }

  #flushText(): void {
    this.#textHash.update(Buffer.from(this.#text, "utf16le"));
    this.#text = "";
  }
}
