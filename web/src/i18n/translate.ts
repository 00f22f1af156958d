// Pure part of the translations: pick a text, fill in its arguments.
// "{n}" is an argument (numbers in the language's own form), "{n|hit|hits}" picks by count.
import en from "./en.json";
import vi from "./vi.json";

export type Lang = "vi" | "en";
export type Key = keyof typeof vi;
export type Args = Record<string, string | number>;

const catalogues: Record<Lang, Record<string, string>> = { vi, en };

export const locales: Record<Lang, string> = { vi: "vi-VN", en: "en-GB" };

export function translate(lang: Lang, key: Key, args: Args = {}): string {
  return fill(lang, catalogues[lang][key] ?? key, args);
}

export function fill(lang: Lang, text: string, args: Args): string {
  return text.replace(/\{(\w+)(?:\|([^|}]*)\|([^}]*))?\}/g, (whole, name: string, one?: string, many?: string) => {
    const value = args[name];
    if (value === undefined) return whole;
    if (one !== undefined && many !== undefined) return value === 1 ? one : many;
    return typeof value === "number" ? value.toLocaleString(locales[lang]) : value;
  });
}

/** The word for a value that the server names (a state, a severity, a role); the value itself where there is none. */
export function wordFor(lang: Lang, family: string, value: string): string {
  return catalogues[lang][`${family}.${value}`] ?? value;
}
