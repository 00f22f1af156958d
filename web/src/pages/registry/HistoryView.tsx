import { useQuery } from "@tanstack/react-query";
import { Table } from "antd";
import { getHistory, type HistoryItem, type Kind, type Rec } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { useI18n } from "../../i18n";
import { changes } from "../../lib/diff";
import { columnLabel } from "./labels";
import { Value } from "./Value";

export function HistoryView({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t } = useI18n();
  const query = useQuery({ queryKey: ["history", kind.name, String(rec.id), rec.rev], queryFn: () => getHistory(kind.name, rec.id) });
  return (
    <Loaded query={query}>
      {({ items }) =>
        items.length === 0 ? (
          <EmptyState what={t("history.none")} />
        ) : (
          <ol className="history">
            {items.map((h) => (
              <Entry key={h.seq} kind={kind} h={h} />
            ))}
          </ol>
        )
      }
    </Loaded>
  );
}

function Entry({ kind, h }: { kind: Kind; h: HistoryItem }) {
  const i18n = useI18n();
  const { t, word, fmt } = i18n;
  const known = new Set([...kind.fields.map((f) => f.name), "state", "valid_to"]);
  const rows = changes(h.before, h.after).filter((c) => known.has(c.field));
  return (
    <li className={h.op === "create" ? undefined : "changed"}>
      <div className="history-head">
        <strong>{word("history_op", h.op)}</strong> <time dateTime={h.at}>{fmt.time(h.at)}</time> · {h.by} · {t("history.rev", { n: h.rev })}
        <code className="quiet" title={t("history.hash")}>
          {h.hash.slice(0, 12)}
        </code>
      </div>
      <div className={h.reason ? "" : "quiet"}>{h.reason ? t("history.reason", { reason: h.reason }) : t("history.no_reason")}</div>
      {rows.length > 0 && (
        <Table
          rowKey="field"
          pagination={false}
          dataSource={rows}
          columns={[
            { title: t("history.field"), width: 220, render: (_, c) => columnLabel(i18n, kind, c.field) },
            ...(h.op === "create"
              ? []
              : [
                  {
                    title: t("history.before"),
                    render: (_: unknown, c: (typeof rows)[number]) => (
                      <del>
                        <Value kind={kind} name={c.field} value={c.before} />
                      </del>
                    ),
                  },
                ]),
            {
              title: t("history.after"),
              render: (_, c) => (
                <ins>
                  <Value kind={kind} name={c.field} value={c.after} />
                </ins>
              ),
            },
          ]}
        />
      )}
    </li>
  );
}
