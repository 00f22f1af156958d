import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { getClauses, type Clause } from "../api/judged";
import { find } from "../api/addresses";
import type { Kind } from "../api/registry";
import { useSchema } from "../hooks/schema";
import { useRole, useSession } from "../hooks/session";
import { useI18n } from "../i18n";
import { fold, matches } from "../lib/fold";
import { readStored, writeStored } from "../lib/stored";
import { clauseText } from "../pages/clauses/tree";
import { navFor } from "./nav";
import { clausePath, recordPath } from "../lib/paths";

export interface Hit {
  kind: string;
  title: string;
  key?: string;
  to: string;
  /** A letter or two differ from what was typed. */
  near?: boolean;
}

const MAX_CLAUSES = 6;
const MAX_COMMANDS = 6;
const MAX_RECENT = 8;

function useLate(value: string, ms: number): string {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

const flat = (list: Clause[]): Clause[] => list.flatMap((c) => [c, ...flat(c.children ?? [])]);

/** What was opened from the box last, newest first. */
export function recentHits(): Hit[] {
  try {
    const list: unknown = JSON.parse(readStored("find.recent") ?? "[]");
    return Array.isArray(list) ? (list as Hit[]).filter((h) => typeof h?.to === "string" && typeof h.title === "string") : [];
  } catch {
    return [];
  }
}

export function rememberHit(hit: Hit): void {
  const list = [hit, ...recentHits().filter((h) => h.to !== hit.to)].slice(0, MAX_RECENT);
  writeStored("find.recent", JSON.stringify(list));
}

export function useFind(words: string): { hits: Hit[]; busy: boolean } {
  const { t, label } = useI18n();
  const { session } = useSession();
  const pages = useMemo(() => navFor(session?.roles ?? []), [session]);
  const writes = useRole("operator");
  const asked = useLate(words.trim(), 120);
  const schema = useSchema();
  const clauses = useQuery({ queryKey: ["clauses"], queryFn: getClauses, staleTime: 60000 });
  const on = asked.length >= 2;
  const found = useQuery({ queryKey: ["find", asked], queryFn: ({ signal }) => find(asked, signal), enabled: on, staleTime: 5000, placeholderData: keepPreviousData });

  const busy = on && (asked !== words.trim() || found.isFetching);
  const hits = useMemo(() => {
    if (!asked) return [...recentHits().map((h) => ({ ...h, kind: t("find.recent") })), ...pages.map((n) => ({ kind: t("find.page"), title: t(n.key), to: n.path }))];
    const out: Hit[] = [];
    const records = on ? (found.data?.groups ?? []).filter((g) => g.kind !== "clause") : [];
    for (const g of records)
      for (const r of g.hits) out.push({ kind: label(g.label), title: r.title, key: r.key === r.title ? undefined : r.key, to: recordPath(g.kind, r.id), near: r.match === "near" });
    // Clauses are read from their own tree, which has their texts.
    let seen = 0;
    for (const c of on ? (clauses.data?.regulations ?? []).flatMap((r) => flat(r.clauses)) : []) {
      if (seen >= MAX_CLAUSES) break;
      if (!matches(clauseText(c), asked)) continue;
      const hit = { kind: t("find.clause"), title: label(c.title) || label(c.text), key: c.id, to: clausePath(c.id) };
      if (fold(c.id) === fold(asked)) out.unshift(hit);
      else out.push(hit);
      seen += 1;
    }
    for (const n of pages) if (matches(t(n.key), asked)) out.push({ kind: t("find.page"), title: t(n.key), to: n.path });
    out.push(...commands(schema.data?.kinds ?? [], asked, writes));
    if (!on) return out;
    if (pages.some((n) => n.path === "/search")) out.push({ kind: t("nav.search"), title: t("find.in_log", { words: asked }), to: `/search?q=${encodeURIComponent(asQuery(asked))}` });
    out.push({ kind: t("nav.findings"), title: t("find.in_findings", { words: asked }), to: `/findings?q=${encodeURIComponent(asked)}` });
    return out;
  }, [asked, on, found.data, clauses.data, schema.data, pages, writes, t, label]);

  function commands(kinds: Kind[], text: string, may: boolean): Hit[] {
    const all = kinds.flatMap((k) => {
      const name = label(k.label);
      const list = { kind: t("find.command"), title: t("find.do_list", { kind: name }), to: `/registry/${k.name}` };
      const make = { kind: t("find.command"), title: t("find.do_new", { kind: name }), to: `/registry/${k.name}/new` };
      const bring = { kind: t("find.command"), title: t("find.do_import", { kind: name }), to: `/registry/${k.name}/import` };
      return may ? [list, make, bring] : [list];
    });
    return all.filter((h) => matches(h.title, text)).slice(0, MAX_COMMANDS);
  }
  return { hits, busy };
}

/** Words with signs of the query language go in as a phrase. */
function asQuery(words: string): string {
  return /[\s:()|"]/.test(words) ? `"${words.replace(/(["\\])/g, "\\$1")}"` : words;
}
