import assert from "node:assert/strict";
import { basename } from "node:path";
import { type StoredEntry } from "../../src/journal/journal.js";
import { JournalError } from "../../src/journal/journal-error.js";
import { collect } from "./contract.js";
import { at, DIRECTORY, open, wholeJournal, type WholeJournal } from "./damaged-journal.js";
import { damage, damageKinds, type DamageKind } from "./disk-damage.js";
import { prng } from "./prng.js";
import type { SimulatedDisk } from "./simulated-disk.js";

const SEEDS = process.env["CAPSTAN_VERIFY"] === "1" ? 20_000 : 300;

type Outcome =
  | { readonly kind: "opened"; readonly entries: readonly StoredEntry[]; readonly isCut: boolean }
  | { readonly kind: "refused"; readonly error: JournalError };

async function outcomeOf(disk: SimulatedDisk, mustReach: number): Promise<Outcome> {
  try {
    const journal = await open(disk, { mustReach });
    return {
      kind: "opened",
      entries: await collect(journal),
      isCut: journal.repairs.length > 0,
    };
  } catch (error) {
    assert(error instanceof JournalError, String(error));
    return { kind: "refused", error };
  }
}

describe("file journal, damaged at rest by chance", () => {
  let whole: WholeJournal;

  before(async () => {
    whole = await wholeJournal();
  });

  /** Damages a copy in one way or two. */
  function damaged(kind: DamageKind, random: () => number): SimulatedDisk | undefined {
    const disk = whole.disk.copy();
    const first = damage(disk, DIRECTORY, kind, random);
    if (first === undefined) return undefined;
    if (random() < 0.2) damage(disk, DIRECTORY, at(damageKinds, Math.floor(random() * 8)), random);
    return disk;
  }

  for (const kind of damageKinds) {
    it(`serves nothing that was not written, ${kind}, seeds 1 to ${String(SEEDS)}`, async () => {
      const seen = { refused: 0, opened: 0 };
      for (let seed = 1; seed <= SEEDS; seed++) {
        const disk = damaged(kind, prng(seed));
        if (disk === undefined) continue;
        const outcome = await outcomeOf(disk.copy(), 0);
        const why = `seed ${String(seed)}`;
        seen[outcome.kind] += 1;
        if (outcome.kind === "refused") {
          assert.equal(outcome.error.kind, "data_loss", why);
          const { segment = "" } = outcome.error.place ?? {};
          assert(disk.list(DIRECTORY).includes(segment), `${why}: ${outcome.error.message}`);
        } else {
          for (const { index, epoch, body } of outcome.entries) {
            const original = at(whole.entries, index - 1);
            assert.equal(epoch, original.epoch, why);
            assert.equal(Buffer.compare(body, original.body), 0, why);
          }
        }
      }
      assert(seen.refused + seen.opened > SEEDS / 4, JSON.stringify(seen));
    });

    it(`loses nothing that somebody has seen, ${kind}, seeds 1 to ${String(SEEDS)}`, async () => {
      for (let seed = 1; seed <= SEEDS; seed++) {
        const disk = damaged(kind, prng(seed));
        if (disk === undefined) continue;
        const before = disk.paths(DIRECTORY).map((path) => disk.contents(path));
        const outcome = await outcomeOf(disk, whole.entries.length);
        const why = `seed ${String(seed)}`;
        if (outcome.kind === "opened") {
          // Whole to its end. What its beginning lacks it does not deny: reading it is DATA_LOSS.
          const { index } = at(outcome.entries, -1);
          assert.equal(index, whole.entries.length, why);
          const first = at(outcome.entries, 0).index;
          assert.equal(outcome.entries.length, index - first + 1, why);
        } else {
          assert.equal(outcome.error.kind, "data_loss", why);
          const after = disk.paths(DIRECTORY).map((path) => disk.contents(path));
          assert.deepEqual(after, before, `${why}: nothing is repaired where something is lost`);
        }
      }
    });
  }

  it("refuses two segments whose contents were swapped, naming the first of them", async () => {
    const paths = whole.disk.paths(DIRECTORY);
    for (const [i, one] of paths.entries()) {
      for (const other of paths.slice(i + 1)) {
        const swapped = whole.disk.copy();
        swapped.plant(one, whole.disk.contents(other));
        swapped.plant(other, whole.disk.contents(one));
        const outcome = await outcomeOf(swapped, 0);
        assert(outcome.kind === "refused");
        assert.match(outcome.error.message, /DATA_LOSS.* a copy of another segment/);
        assert.equal(outcome.error.place?.segment, basename(one));
      }
    }
  });

  it("refuses files that are all zeros, or empty, but a last one that holds nothing", async () => {
    for (const path of whole.disk.paths(DIRECTORY)) {
      const { length } = whole.disk.contents(path);
      const zeroed = whole.disk.copy();
      zeroed.plant(path, new Uint8Array(length));
      assert.equal((await outcomeOf(zeroed, 0)).kind, "refused");
      const empty = whole.disk.copy();
      empty.plant(path, new Uint8Array(0));
      const { kind } = await outcomeOf(empty, 0);
      assert.equal(kind, path === whole.lastPath ? "opened" : "refused");
      assert.equal((await outcomeOf(empty, whole.entries.length)).kind, "refused");
    }
  });
});
