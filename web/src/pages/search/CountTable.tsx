import { Table } from "antd";
import type { CountAnswer } from "../../api/events";
import { useI18n } from "../../i18n";
import { splitPipe, withTerm } from "../../lib/querytext";

/** Rows of a "count by"; a value leads to its lines. */
export function CountTable({ answer, query, onQuery }: { answer: CountAnswer; query: string; onQuery: (q: string) => void }) {
  const { t, fmt, word } = useI18n();
  const most = Math.max(...answer.rows.map((r) => r.count), 1);
  const lines = (keys: string[]) =>
    keys.reduce((q, key, i) => withTerm(q, answer.columns[i], key), splitPipe(query).filter);
  return (
    <>
      <Table
        rowKey={(r) => r.keys.join("\u0000")}
        dataSource={answer.rows}
        pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          ...answer.columns.map((c, i) => ({
            key: c,
            title: word("log_field", c),
            render: (_: unknown, r: CountAnswer["rows"][number]) =>
              i === 0 ? (
                <button type="button" className="as-link mono" onClick={() => onQuery(lines(r.keys))}>
                  {r.keys[i] || t("count.empty")}
                </button>
              ) : (
                <span className="mono">{r.keys[i]}</span>
              ),
          })),
          {
            key: "count",
            title: t("today.count"),
            width: 260,
            render: (_: unknown, r: CountAnswer["rows"][number]) => (
              <span className="bar-cell">
                <span className="bar-n">{fmt.number(r.count)}</span>
                <span className="bar" style={{ width: `${Math.max(1, (100 * r.count) / most)}%` }} aria-hidden />
              </span>
            ),
          },
        ]}
      />
      {!!answer.other && <p className="quiet">{t("count.other", { n: answer.other })}</p>}
    </>
  );
}
