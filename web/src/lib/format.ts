// Dates, numbers, sizes and spans as a reader of the language writes them; the zone is the browser's own.
import { type Lang, locales, translate } from "../i18n/translate";

const two = (n: number) => String(n).padStart(2, "0");

function parse(iso: string | null | undefined): Date | null {
  if (!iso) return null;
  const d = new Date(iso);
  return Number.isNaN(d.getTime()) ? null : d;
}

export function dateTime(iso: string | null | undefined, millis = false): string {
  const d = parse(iso);
  if (!d) return "";
  const day = `${two(d.getDate())}/${two(d.getMonth() + 1)}/${d.getFullYear()}`;
  const time = `${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}`;
  return `${day} ${time}${millis ? `.${String(d.getMilliseconds()).padStart(3, "0")}` : ""}`;
}

/** A date without time stays the date that was written, whatever the zone. */
export function dateOnly(date: string | null | undefined): string {
  if (!date) return "";
  const m = /^(\d{4})-(\d{2})-(\d{2})$/.exec(date);
  return m ? `${m[3]}/${m[2]}/${m[1]}` : dateTime(date).slice(0, 10);
}

/** Instants and dates inside a sentence of the server, in the reader's form and zone. */
export function datesInText(text: string): string {
  return text
    .replace(/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d+)?(?:Z|[+-]\d{2}:\d{2})/g, (iso) => dateTime(iso))
    .replace(/(?<![\w-])\d{4}-\d{2}-\d{2}(?![\w-])/g, (date) => dateOnly(date));
}

export function zone(at = new Date()): string {
  const minutes = -at.getTimezoneOffset();
  const abs = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(abs / 60))}:${two(abs % 60)}`;
}

/** ISO 8601 span to seconds; null when it is not one. Months and years are the calendar's mean. */
export function spanSeconds(iso: string): number | null {
  const m = /^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$/.exec(iso);
  if (!m || iso === "P") return null;
  const units = [31556952, 2629746, 604800, 86400, 3600, 60, 1];
  return units.reduce((sum, unit, i) => sum + unit * Number(m[i + 1] ?? 0), 0);
}

export interface Formats {
  time: (iso: string | null | undefined, millis?: boolean) => string;
  date: (date: string | null | undefined) => string;
  number: (n: number | null | undefined, digits?: number) => string;
  bytes: (n: number | null | undefined) => string;
  span: (seconds: number) => string;
  isoSpan: (iso: string | null | undefined) => string;
  ago: (iso: string | null | undefined, now?: number) => string;
  percent: (part: number, whole: number) => string;
}

export function makeFormats(lang: Lang): Formats {
  const number = (n: number | null | undefined, digits = 0) =>
    n === null || n === undefined ? "" : n.toLocaleString(locales[lang], { maximumFractionDigits: digits });
  const bytes = (n: number | null | undefined) => {
    if (n === null || n === undefined) return "";
    const units = ["B", "KiB", "MiB", "GiB", "TiB"];
    let value = n;
    let i = 0;
    while (value >= 1024 && i < units.length - 1) {
      value /= 1024;
      i += 1;
    }
    return `${number(value, i ? 1 : 0)} ${units[i]}`;
  };
  const span = (seconds: number) => {
    const s = Math.max(0, Math.round(seconds));
    if (s < 60) return translate(lang, "span.seconds", { n: s });
    if (s < 3600) return translate(lang, "span.minutes", { n: Math.floor(s / 60) });
    if (s < 86400) return translate(lang, "span.hours", { n: Math.floor(s / 3600) });
    return translate(lang, "span.days", { n: Math.floor(s / 86400) });
  };
  return {
    time: dateTime,
    date: dateOnly,
    number,
    bytes,
    span,
    isoSpan: (iso) => {
      if (!iso) return "";
      const m = /^P(\d+)([YM])$/.exec(iso);
      if (m) return translate(lang, m[2] === "Y" ? "span.years" : "span.months", { n: Number(m[1]) });
      const s = spanSeconds(iso);
      return s === null ? iso : span(s);
    },
    ago: (iso, now = Date.now()) => {
      const d = parse(iso);
      if (!d) return translate(lang, "span.never");
      const s = (now - d.getTime()) / 1000;
      return s < 5 ? translate(lang, "span.now") : translate(lang, "span.ago", { span: span(s) });
    },
    percent: (part, whole) => (whole > 0 ? `${number((100 * part) / whole, 0)} %` : "–"),
  };
}
