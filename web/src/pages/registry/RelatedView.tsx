// What points at this record, and what was found about it.
import { useQueries, useQuery } from "@tanstack/react-query";
import { Spin } from "antd";
import { Link } from "react-router-dom";
import { listFindings } from "../../api/judged";
import { listRecords, type Field, type Kind, type Rec } from "../../api/registry";
import type { Page as PageOf } from "../../api/types";
import { EmptyState } from "../../components/EmptyState";
import { FindingTable } from "../../components/FindingTable";
import { Panel } from "../../components/Page";
import { referrers, useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { recordPath } from "../../lib/paths";

const SHOWN = 8;

export function RelatedView({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t } = useI18n();
  const refs = referrers(useSchema().data?.kinds ?? [], kind.name);
  const lists = useQueries({
    queries: refs.map(({ kind: k, field }) => ({
      queryKey: ["related", k.name, field.name, String(rec.id)],
      queryFn: () => listRecords(k.name, new URLSearchParams({ [field.name]: String(rec.id), limit: String(SHOWN), count: "1" })),
    })),
  });
  const findings = useQuery({
    queryKey: ["findings", "about", kind.name, String(rec.id)],
    queryFn: () => listFindings(new URLSearchParams({ q: rec.key, limit: "50" })),
  });
  const about = (findings.data?.items ?? []).filter((f) => f.subject?.kind === kind.name && String(f.subject.id) === String(rec.id));
  const waiting = lists.some((l) => l.isPending) || findings.isPending;
  const found = lists.some((l) => (l.data?.items.length ?? 0) > 0) || about.length > 0;

  return (
    <>
      {about.length > 0 && (
        <Panel title={t("record.findings")}>
          <FindingTable items={about} hide={["unit", "first"]} />
        </Panel>
      )}
      <div className="kinds">
        {refs.map(({ kind: k, field }, i) => (
          <RefPanel key={`${k.name}.${field.name}`} kind={k} field={field} id={rec.id} page={lists[i].data} />
        ))}
      </div>
      {waiting && <Spin className="page-wait" />}
      {!waiting && !found && <EmptyState what={t("record.no_related")} />}
    </>
  );
}

function RefPanel({ kind, field, id, page }: { kind: Kind; field: Field; id: string | number; page: PageOf<Rec> | undefined }) {
  const { t, label } = useI18n();
  if (!page?.items.length) return null;
  const total = page.total ?? page.items.length;
  return (
    <Panel
      title={`${label(kind.label)} (${label(field.label).toLocaleLowerCase()})`}
      extra={<Link to={`/registry/${kind.name}?${field.name}=${encodeURIComponent(id)}`}>{t("record.all", { n: total })}</Link>}
    >
      <ul className="rows">
        {page.items.map((r) => (
          <li key={String(r.id)}>
            <Link to={recordPath(kind.name, r.id)}>{r.title || r.key}</Link> {r.title !== r.key && <code className="quiet">{r.key}</code>}{" "}
            <span className="quiet">{label(kind.states?.find((s) => s.value === r.state)?.label)}</span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
