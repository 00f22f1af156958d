// The smallest TAP writer that serves: one line a check, the reason under a failure.

export class Skip extends Error {}

export class Tap {
  #n = 0;
  failed = 0;

  #line(ok, name, note = "") {
    this.#n += 1;
    if (!ok) this.failed += 1;
    console.log(`${ok ? "ok" : "not ok"} ${this.#n} - ${name.replaceAll("#", "")}${note}`);
  }

  /** Runs one test; whatever it throws is its failure, Skip says why it could not run. */
  async test(name, body) {
    try {
      await body();
      this.#line(true, name);
      return true;
    } catch (e) {
      if (e instanceof Skip) {
        this.#line(true, name, ` # SKIP ${e.message}`);
        return true;
      }
      this.#line(false, name);
      console.log(String(e?.stack ?? e).split("\n").slice(0, 14).map((l) => `  # ${l}`).join("\n"));
      return false;
    }
  }

  end() {
    console.log(`1..${this.#n}`);
  }
}

export function check(truth, what) {
  if (!truth) throw new Error(what);
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}
