import { expect, it } from "vitest";
import { changeOf } from "./change";

it.each([
  [5, 5, "same", 0, 0],
  [5, 0, "new", 5, null],
  [0, 7, "gone", 7, 100],
  [15, 10, "up", 5, 50],
  [1, 3, "down", 2, 67],
  [1000002, 1, "up", 1000001, null],
])("%d after %d", (count, before, kind, by, percent) => expect(changeOf(count, before)).toEqual({ kind, by, percent }));
