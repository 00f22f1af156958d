// The smallest TAP writer that serves: one line a check, the reason under a failure.

export class Skip extends Error {}

/** Nothing here is timed: a condition may come late on a machine that does other work. ms; for what hangs. */
export const PATIENCE = 120000;

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

/** Asks until it is true: a page may still be drawing. what: a text, or a function that says it. */
export async function holds(ask, what) {
  let last = "";
  for (const end = Date.now() + PATIENCE; ; await new Promise((go) => setTimeout(go, 50))) {
    try {
      if (await ask()) return;
      last = "";
    } catch (e) {
      last = ` (${e.message})`;
    }
    if (Date.now() > end) throw new Error((typeof what === "function" ? await what() : what) + last);
  }
}

/** Reads until it is what is wanted. */
export async function becomes(read, want, what) {
  let got;
  await holds(
    async () => (got = await read()) === want,
    () => `${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`,
  );
}

export function equal(got, want, what) {
  if (got !== want) throw new Error(`${what}: got ${JSON.stringify(got)}, want ${JSON.stringify(want)}`);
}
