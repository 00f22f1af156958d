import { expect, it } from "vitest";
import { fold, matches } from "./fold";

it.each([
  ["Đường Lũy Tre", "duong luy tre"],
  ["ĐIỀU KHOẢN", "dieu khoan"],
  ["sshd", "sshd"],
])("%s", (text, want) => expect(fold(text)).toBe(want));

it("finds every word in any order", () => {
  expect(matches("Phòng Tài chính", "tai phong")).toBe(true);
  expect(matches("Phòng Tài chính", "tai ke")).toBe(false);
  expect(matches("x", "")).toBe(true);
});
