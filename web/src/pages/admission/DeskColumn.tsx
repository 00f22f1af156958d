import { useQuery, type UseQueryResult } from "@tanstack/react-query";
import { Link } from "react-router-dom";
import { listRecords, type Rec } from "../../api/registry";
import type { Page as PageOf, Ref } from "../../api/types";
import { Loaded } from "../../components/Loaded";
import { Panel } from "../../components/Page";
import { useI18n } from "../../i18n";
import type { Desk } from "../../lib/admission";
import { ProofMark } from "./ProofMark";

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
  const proofs = useProofs(desk, query.data);
  const total = query.data?.total ?? 0;
  const more = new URLSearchParams({ state, ...(words ? { q: words } : {}) });
  return (
    <Panel
      className="desk-column"
      title={`${label(desk.kind.states?.find((s) => s.value === state)?.label) || state}${query.data ? ` (${fmt.number(total)})` : ""}`}
      extra={total > (query.data?.items.length ?? 0) && <Link to={`/registry/${desk.kind.name}?${more.toString()}`}>{t("record.all", { n: total })}</Link>}
    >
      <Loaded query={query}>
        {({ items }) =>
          items.length ? (
            <ul className="rows" data-state={state}>
              {items.map((r) => (
                <li key={String(r.id)}>
                  <button type="button" className="desk-card" aria-expanded={open === String(r.id)} onClick={() => onOpen(String(r.id))}>
                    <strong>{r.title || r.key}</strong>
                    <span className="quiet mono cut">{r.key}</span>
                    <span className="quiet cut">{(r[desk.kind.unit ?? ""] as Ref | null)?.title}</span>
                    {proofs && <ProofMark desk={desk} proof={proofs.get(String(r.id))} />}
                    <span className="quiet small">{t("admission.changed", { at: fmt.ago(r.changed_at) })}</span>
                  </button>
                </li>
              ))}
            </ul>
          ) : (
            <p className="quiet">{t("admission.nobody")}</p>
          )
        }
      </Loaded>
    </Panel>
  );
}
