import { createContext, useContext, useMemo, useState, type ReactNode } from "react";
import { setApiLanguage } from "../api/client";
import type { Label } from "../api/types";
import { datesInText, type Formats, makeFormats } from "../lib/format";
import { readStored, writeStored } from "../lib/stored";
import { type Args, type Key, type Lang, translate, wordFor } from "./translate";

export interface I18n {
  lang: Lang;
  setLang: (lang: Lang) => void;
  t: (key: Key, args?: Args) => string;
  word: (family: string, value: string | null | undefined) => string;
  label: (l: Label | null | undefined) => string;
  /** A sentence of the server, with its dates in the reader's form. */
  sentence: (l: Label | null | undefined) => string;
  fmt: Formats;
}

const Context = createContext<I18n | null>(null);

function initial(): Lang {
  const lang: Lang = readStored("lang") === "en" ? "en" : "vi";
  setApiLanguage(lang);
  return lang;
}

export function I18nProvider({ children }: { children: ReactNode }) {
  const [lang, setState] = useState<Lang>(initial);
  const value = useMemo<I18n>(() => {
    const label = (l: Label | null | undefined) => (l ? l[lang] || l.vi || l.en : "");
    document.documentElement.lang = lang;
    return {
      lang,
      setLang: (next) => {
        writeStored("lang", next);
        setApiLanguage(next);
        setState(next);
      },
      t: (key, args) => translate(lang, key, args),
      word: (family, v) => (v ? wordFor(lang, family, v) : ""),
      label,
      sentence: (l) => datesInText(label(l)),
      fmt: makeFormats(lang),
    };
  }, [lang]);
  return <Context.Provider value={value}>{children}</Context.Provider>;
}

export function useI18n(): I18n {
  const value = useContext(Context);
  if (!value) throw new Error("I18nProvider is missing");
  return value;
}
