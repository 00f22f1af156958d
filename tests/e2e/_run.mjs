// Every suite, or those named: node tests/e2e/_run.mjs [today search ...]. One TAP stream on stdout.
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

const here = fileURLToPath(new URL(".", import.meta.url));
const all = readdirSync(here).filter((f) => f.endsWith(".mjs") && !f.startsWith("_")).map((f) => f.slice(0, -4)).sort();
const wanted = process.argv.slice(2);
const unknown = wanted.filter((w) => !all.includes(w));
if (unknown.length) {
  console.error(`no suite named ${unknown.join(", ")}; there are: ${all.join(", ")}`);
  process.exit(2);
}
let n = 0;
let failed = 0;
for (const name of wanted.length ? wanted : all) {
  const done = spawnSync(process.execPath, [`${here}${name}.mjs`], { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], maxBuffer: 1 << 26 });
  if (done.status !== 0) failed += 1;
  for (const line of done.stdout.split("\n")) {
    const m = /^((?:not )?ok) \d+( .*)$/.exec(line);
    if (m) console.log(`${m[1]} ${(n += 1)}${m[2]}`);
    else if (line.startsWith("  #")) console.log(line);
  }
}
console.log(`1..${n}`);
process.exit(failed ? 1 : 0);
