// Addresses of a run's own, on a luyd where earlier runs have left theirs.

const FIRST = 192;
const EACH = 64;
const ALL = EACH * (256 - FIRST);

/** A container of four /24 on a network, from 10.192.0.0/10; returns what stands before their third number's place. */
export async function takeContainer(w, network) {
  const start = Math.floor(Date.now() / 1000);
  for (let i = 0; i < ALL; i += 1) {
    const n = (start + i) % ALL;
    const wide = `10.${FIRST + Math.floor(n / EACH)}`;
    const at = (n % EACH) * 4;
    const prefix = `${wide}.${at}.0/22`;
    const known = await w.api("GET", `/prefix?prefix=${encodeURIComponent(prefix)}&ended=1&count=1`);
    if (known.total > 0) continue;
    await w.api("POST", "/prefix", { prefix, network, container: true });
    return { prefix, net: (k) => `${wide}.${at + k}` };
  }
  throw new Error("every container of 10.192.0.0/10 is somebody's");
}
