// The console's own texts, so that tests name what a reader sees, in the language of the run.
import { readFileSync } from "node:fs";

const read = (lang) => JSON.parse(readFileSync(new URL(`../../web/src/i18n/${lang}.json`, import.meta.url), "utf8"));
const all = { vi: read("vi"), en: read("en") };

export function textsOf(lang) {
  return (key) => {
    const text = all[lang][key];
    if (text === undefined) throw new Error(`no text ${key}`);
    return text;
  };
}

/** A text with arguments as a pattern: what stands in braces may be anything. */
export function pattern(text) {
  const parts = text.split(/\{[^}]*\}/).map((p) => p.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(parts.join(".*"));
}
