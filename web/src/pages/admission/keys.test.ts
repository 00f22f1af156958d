import { expect, it } from "vitest";
import { target } from "./keys";

const columns = [["a1", "a2", "a3"], [], ["c1"], ["d1", "d2"]];

it.each([
  ["a1", "ArrowDown", "a2"],
  ["a3", "ArrowDown", undefined],
  ["a1", "ArrowUp", undefined],
  ["a3", "Home", "a1"],
  ["a1", "End", "a3"],
  ["a3", "ArrowRight", "c1"],
  ["c1", "ArrowRight", "d1"],
  ["d2", "ArrowRight", undefined],
  ["d2", "ArrowLeft", "c1"],
  ["c1", "ArrowLeft", "a1"],
  ["a1", "Enter", undefined],
  ["z", "ArrowDown", undefined],
])("%s with %s leads to %s", (from, key, to) => expect(target(columns, from, key)).toBe(to));
