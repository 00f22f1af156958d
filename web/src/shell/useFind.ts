import { useQueries, useQuery } from "@tanstack/react-query";
import { useEffect, useMemo, useState } from "react";
import { getClauses, type Clause } from "../api/judged";
import { listRecords } from "../api/registry";
import { useCounts, useSchema } from "../hooks/schema";
import { useSession } from "../hooks/session";
import { useI18n } from "../i18n";
import { matches } from "../lib/fold";
import { clauseText } from "../pages/clauses/tree";
import { navFor } from "./nav";
import { clausePath, recordPath } from "../lib/paths";

export interface Hit {
  kind: string;
  title: string;
  key?: string;
  to: string;
}

const PER_KIND = 4;
const MAX_CLAUSES = 6;

function useLate(value: string, ms: number): string {
  const [late, setLate] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setLate(value), ms);
    return () => clearTimeout(timer);
  }, [value, ms]);
  return late;
}

const flat = (list: Clause[]): Clause[] => list.flatMap((c) => [c, ...flat(c.children ?? [])]);

export function useFind(words: string): { hits: Hit[]; busy: boolean } {
  const { t, label } = useI18n();
  const { session } = useSession();
  const pages = useMemo(() => navFor(session?.roles ?? []), [session]);
  const asked = useLate(words.trim(), 200);
  const schema = useSchema();
  const counts = useCounts();
  const clauses = useQuery({ queryKey: ["clauses"], queryFn: getClauses, staleTime: 60000 });
  // Clauses are read from their own tree, which has their texts.
  const kinds = (schema.data?.kinds ?? []).filter((k) => (counts.data?.[k.name]?.total ?? 0) > 0 && k.name !== "clause");
  const on = asked.length >= 2;

  const lists = useQueries({
    queries: kinds.map((k) => ({
      queryKey: ["find", k.name, asked],
      queryFn: ({ signal }: { signal: AbortSignal }) =>
        listRecords(k.name, new URLSearchParams({ q: asked, limit: String(PER_KIND) }), signal),
      enabled: on,
      staleTime: 10000,
    })),
  });

  const busy = on && (asked !== words.trim() || lists.some((l) => l.isFetching));
  const stamp = lists.map((l) => l.dataUpdatedAt).join();
  const hits = useMemo(() => {
    const out: Hit[] = [];
    for (const n of pages) {
      if (!asked || matches(t(n.key), asked)) out.push({ kind: t("find.page"), title: t(n.key), to: n.path });
    }
    if (!on) return out;
    lists.forEach((l, i) => {
      for (const r of l.data?.items ?? []) {
        out.push({ kind: label(kinds[i].label), title: r.title, key: r.key === r.title ? undefined : r.key, to: recordPath(kinds[i].name, r.id) });
      }
    });
    let found = 0;
    for (const c of (clauses.data?.regulations ?? []).flatMap((r) => flat(r.clauses))) {
      if (found >= MAX_CLAUSES) break;
      if (!matches(clauseText(c), asked)) continue;
      out.push({ kind: t("find.clause"), title: label(c.title) || label(c.text), key: c.id, to: clausePath(c.id) });
      found += 1;
    }
    if (pages.some((n) => n.path === "/search")) out.push({ kind: t("nav.search"), title: t("find.in_log", { words: asked }), to: `/search?q=${encodeURIComponent(asQuery(asked))}` });
    out.push({ kind: t("nav.findings"), title: t("find.in_findings", { words: asked }), to: `/findings?q=${encodeURIComponent(asked)}` });
    return out;
    // stamp stands for lists, which is a new array on every render.
  }, [asked, on, stamp, clauses.data, pages, t, label]);
  return { hits, busy };
}

/** Words with signs of the query language go in as a phrase. */
function asQuery(words: string): string {
  return /[\s:()|"]/.test(words) ? `"${words.replace(/(["\\])/g, "\\$1")}"` : words;
}
