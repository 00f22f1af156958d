import { expect, it } from "vitest";
import { bytesOf, hexDump, visible } from "./bytes";

it("gives back the bytes, from text and from base64", () => {
  expect([...bytesOf("ế")]).toEqual([0xe1, 0xba, 0xbf]);
  expect([...bytesOf("\ufffd", "/wA=")]).toEqual([0xff, 0x00]);
});

it("dumps rows of sixteen with the printable text", () => {
  const text = hexDump(bytesOf("<34>A\u0000bcdefghijklmnop"));
  expect(text.split("\n")).toEqual([
    "000000  3c 33 34 3e 41 00 62 63 64 65 66 67 68 69 6a 6b  <34>A.bcdefghijk",
    "000010  6c 6d 6e 6f 70                                   lmnop",
  ]);
});

it("stops at the limit", () => expect(hexDump(new Uint8Array(100), 32).split("\n")).toHaveLength(2));

it("shows control characters", () => expect(visible("a\u0000\u001b[31m\tb\u007f")).toBe("a␀␛[31m\tb␡"));
