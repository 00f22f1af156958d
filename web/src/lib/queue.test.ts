import { expect, it } from "vitest";
import { makeQueue } from "./queue";

it("runs at most so many at once, in order, and goes on after a failure", async () => {
  const queue = makeQueue(2);
  const gates: (() => void)[] = [];
  const begun: number[] = [];
  const task = (i: number) => queue(() => new Promise<number>((done, fail) => (begun.push(i), gates.push(() => (i === 1 ? fail(new Error("x")) : done(i))))));
  const all = [0, 1, 2, 3].map((i) => task(i).catch(() => -1));
  await Promise.resolve();
  expect(begun).toEqual([0, 1]);
  gates[1]();
  await all[1];
  await new Promise((r) => setTimeout(r));
  expect(begun).toEqual([0, 1, 2]);
  gates[0]();
  gates[2]();
  await all[2];
  await new Promise((r) => setTimeout(r));
  gates[3]();
  expect(await Promise.all(all)).toEqual([0, -1, 2, 3]);
});

it("does not begin what nobody waits for any more", async () => {
  const queue = makeQueue(1);
  const stop = new AbortController();
  stop.abort();
  let asked = false;
  await expect(queue(async () => (asked = true), stop.signal)).rejects.toThrow();
  expect(asked).toBe(false);
});
