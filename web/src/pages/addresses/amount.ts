/** How many addresses, for people: digits while they can be read, a power of two beyond. */
export function amount(size: string, number: (n: number) => string): string {
  const n = BigInt(size);
  if (n <= 1000000000n) return number(Number(n));
  let bits = 0;
  for (let rest = n; rest > 1n; rest >>= 1n) bits += 1;
  return n === 1n << BigInt(bits) ? `2^${bits}` : `≈ 2^${bits}`;
}

/** The length of "10.1.0.0/22"; 0 when there is none. */
export const lengthOf = (prefix: string): number => Number(prefix.split("/")[1] ?? 0);
