import { describe, expect, it } from "vitest";
import { dateOnly, dateTime, datesInText, makeFormats, spanSeconds, zone } from "./format";

// The test run's zone is Asia/Ho_Chi_Minh.
describe("dates", () => {
  it("show local time, 24 h, day first", () => {
    expect(dateTime("2026-01-05T17:04:09Z")).toBe("06/01/2026 00:04:09");
    expect(dateTime("2026-01-05T17:04:09.123456Z", true)).toBe("06/01/2026 00:04:09.123");
  });
  it("leave a date without time alone", () => expect(dateOnly("2026-10-15")).toBe("15/10/2026"));
  it("show nothing for nothing and for nonsense", () => {
    expect(dateTime(null)).toBe("");
    expect(dateTime("soon")).toBe("");
    expect(dateOnly(undefined)).toBe("");
  });
  it("inside sentences become the reader's", () => {
    expect(datesInText("đến 2026-11-21T11:55:47Z; từ 2025-10-17.")).toBe("đến 21/11/2026 18:55:47; từ 17/10/2025.");
    expect(datesInText("kỳ 2026-H2, mã KT-2025-10-17-1")).toBe("kỳ 2026-H2, mã KT-2025-10-17-1");
  });
  it("name the zone", () => expect(zone()).toBe("UTC+07:00"));
});

describe("spans", () => {
  it.each([
    ["PT1H", 3600],
    ["P1DT1M", 86460],
    ["P2W", 1209600],
    ["PT", 0],
    ["1h", null],
    ["P", null],
  ])("%s", (text, want) => expect(spanSeconds(text)).toBe(want));

  const vi = makeFormats("vi");
  const en = makeFormats("en");
  it("are words", () => {
    expect(vi.span(59)).toBe("59 giây");
    expect(vi.span(3 * 86400)).toBe("3 ngày");
    expect(en.span(3600)).toBe("1 hour");
    expect(vi.isoSpan("P6M")).toBe("6 tháng");
    expect(en.isoSpan("P1Y")).toBe("1 year");
    expect(en.isoSpan("whatever")).toBe("whatever");
  });
  it("count back from now", () => {
    const now = Date.parse("2026-01-01T00:10:00Z");
    expect(vi.ago("2026-01-01T00:00:00Z", now)).toBe("10 phút trước");
    expect(vi.ago("2026-01-01T00:09:58Z", now)).toBe("vừa xong");
    expect(en.ago(null)).toBe("never");
  });
});

describe("numbers", () => {
  it("follow the language", () => {
    expect(makeFormats("vi").number(1234.56, 1)).toBe("1.234,6");
    expect(makeFormats("en").number(1234.56, 1)).toBe("1,234.6");
    expect(makeFormats("vi").bytes(1536)).toBe("1,5 KiB");
    expect(makeFormats("vi").bytes(12)).toBe("12 B");
    expect(makeFormats("vi").percent(1, 3)).toBe("33 %");
    expect(makeFormats("vi").percent(1, 0)).toBe("–");
  });
});
