import { useInfiniteQuery, useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Button } from "antd";
import { useEffect, useRef, useState } from "react";
import { Link } from "react-router-dom";
import { listRecords, type Rec } from "../../api/registry";
import type { Page as PageOf, Ref } from "../../api/types";
import { Loaded } from "../../components/Loaded";
import { Panel } from "../../components/Page";
import { useI18n } from "../../i18n";
import type { Desk } from "../../lib/admission";
import { ProofMark } from "./ProofMark";

/** So many cards at a time; more come when they are asked for. */
export const SHOWN = "40";
export const cardsOf = (desk: Desk, state: string, words: string, cursor?: string) =>
  listRecords(
    desk.kind.name,
    new URLSearchParams({ state, order: "changed_at", limit: SHOWN, ...(cursor ? { cursor } : { count: "1" }), ...(words ? { q: words } : {}) }),
  );

interface Props {
  desk: Desk;
  state: string;
  words: string;
  query: UseQueryResult<PageOf<Rec>>;
  open: string | null;
  onOpen: (id: string) => void;
}

/** The newest proof of each record, by its id. */
function useProofs(desk: Desk, page: PageOf<Rec> | undefined): Map<string, Rec> | null {
  const ids = (page?.items ?? []).map((r) => String(r.id)).join(",");
  const { data } = useQuery({
    queryKey: ["desk", "proofs", desk.proof.name, ids],
    queryFn: () => listRecords(desk.proof.name, new URLSearchParams({ [`${desk.use.by}__in`]: ids, order: "-id", limit: "500" })),
    enabled: ids !== "",
  });
  if (ids && !data) return null;
  const out = new Map<string, Rec>();
  for (const p of data?.items ?? []) {
    const of = String((p[desk.use.by] as Ref | null)?.id);
    if (!out.has(of)) out.set(of, p);
  }
  return out;
}

export function DeskColumn({ desk, state, words, query, open, onOpen }: Props) {
  const { t, label, fmt } = useI18n();
  const [wanted, setWanted] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  const reach = useRef<number | null>(null);
  const next = query.data?.next ?? "";
  const rest = useInfiniteQuery({
    queryKey: ["desk", desk.kind.name, state, words, "rest", next],
    queryFn: ({ pageParam }) => cardsOf(desk, state, words, pageParam),
    initialPageParam: next,
    getNextPageParam: (last) => last.next ?? undefined,
    enabled: wanted && next !== "",
  });
  const pages = [...(query.data ? [query.data] : []), ...(wanted && next ? (rest.data?.pages ?? []) : [])];
  const shown = pages.reduce((n, p) => n + p.items.length, 0);
  const total = query.data?.total ?? 0;
  // Whoever asked for more by the keyboard goes on at the first new card.
  useEffect(() => {
    if (reach.current === null || shown <= reach.current) return;
    list.current?.querySelectorAll<HTMLElement>(".desk-card")[reach.current]?.focus();
    reach.current = null;
  }, [shown]);
  const more = () => {
    reach.current = shown;
    if (wanted) void rest.fetchNextPage();
    else setWanted(true);
  };
  const address = new URLSearchParams({ state, ...(words ? { q: words } : {}) });
  return (
    <Panel
      className="desk-column"
      title={`${label(desk.kind.states?.find((s) => s.value === state)?.label) || state}${query.data ? ` (${fmt.number(total)})` : ""}`}
      extra={total > shown && <Link to={`/registry/${desk.kind.name}?${address.toString()}`}>{t("record.all", { n: total })}</Link>}
    >
      <Loaded query={query}>
        {() =>
          shown ? (
            <>
              <ul className="rows" data-state={state} ref={list}>
                {pages.map((p, i) => (
                  <Cards key={i} desk={desk} page={p} open={open} onOpen={onOpen} />
                ))}
              </ul>
              {total > shown && (
                <p className="desk-more">
                  <span className="quiet">{t("admission.shown", { n: shown, total })}</span>{" "}
                  <Button size="small" loading={rest.isFetching} onClick={more}>
                    {t("changes.more")}
                  </Button>
                </p>
              )}
            </>
          ) : (
            <p className="quiet">{t("admission.nobody")}</p>
          )
        }
      </Loaded>
    </Panel>
  );
}

/** One page of cards, with the newest proof of each. */
function Cards({ desk, page, open, onOpen }: { desk: Desk; page: PageOf<Rec>; open: string | null; onOpen: (id: string) => void }) {
  const { t, fmt } = useI18n();
  const proofs = useProofs(desk, page);
  return page.items.map((r) => (
    <li key={String(r.id)}>
      <button type="button" className="desk-card" data-card={String(r.id)} aria-expanded={open === String(r.id)} onClick={() => onOpen(String(r.id))}>
        <strong>{r.title || r.key}</strong>
        <span className="quiet mono cut">{r.key}</span>
        <span className="quiet cut">{(r[desk.kind.unit ?? ""] as Ref | null)?.title}</span>
        {proofs && <ProofMark desk={desk} proof={proofs.get(String(r.id))} />}
        <span className="quiet small">{t("admission.changed", { at: fmt.ago(r.changed_at) })}</span>
      </button>
    </li>
  ));
}
