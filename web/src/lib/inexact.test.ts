import { expect, it } from "vitest";
import { translate, type Args, type Key } from "../i18n/translate";
import { inexact } from "./inexact";

const en = (key: Key, args?: Args) => translate("en", key, args);
const vi = (key: Key, args?: Args) => translate("vi", key, args);

it("says nothing of an exact answer", () => expect(inexact(en, { sampled: false, short_by: 0 })).toEqual([]));
it("says by how much a group may fall short, in its own unit", () => {
  expect(inexact(en, { sampled: false, short_by: 1500 })[0]).toContain("1,500 more");
  expect(inexact(vi, { sampled: false, short_by: 1500 })[0]).toContain("thiếu tới 1.500");
  expect(inexact(en, { sampled: false, short_by: 2048 }, (n) => `${n / 1024} KiB`)[0]).toContain("2 KiB more");
});
it("says that a sample was taken", () => {
  expect(inexact(en, { sampled: true, short_by: 3 })).toHaveLength(2);
  expect(inexact(vi, { sampled: true, short_by: 0 })).toEqual([vi("rows.sampled")]);
});
