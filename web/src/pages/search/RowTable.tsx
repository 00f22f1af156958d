import { Table } from "antd";
import type { Cell, QueryField, RowsAnswer } from "../../api/events";
import { useI18n } from "../../i18n";
import { inexact } from "../../lib/inexact";

/** Rows that steps gave, or a source that is not lines of logs. */
export function RowTable({ answer, fields }: { answer: RowsAnswer; fields: QueryField[] }) {
  const { t, lang, fmt, word } = useI18n();
  const title = (name: string) => fields.find((f) => f.name === name)?.label[lang] ?? word("log_field", name);
  const show = (v: Cell, type: string) =>
    v === null ? "" : type === "time" && typeof v === "string" ? fmt.time(v) : typeof v === "number" ? fmt.number(v) : String(v);
  return (
    <>
      <Table
        rowKey={(_, i) => String(i)}
        scroll={{ x: "max-content" }}
        dataSource={answer.rows}
        pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
        columns={answer.table.map((c, i) => ({
          key: c.name,
          title: title(c.name),
          align: c.type === "int" ? ("right" as const) : undefined,
          render: (_: unknown, r: Cell[]) => <span className="mono">{show(r[i], c.type)}</span>,
        }))}
      />
      {answer.other > 0 && <p className="quiet">{t("count.other", { n: answer.other })}</p>}
      {answer.skipped > 0 && <p className="quiet">{t("rows.skipped", { n: answer.skipped })}</p>}
      {inexact(t, answer).map((said) => (
        <p key={said} className="quiet">
          {said}
        </p>
      ))}
      {answer.more && <p className="quiet">{t("rows.more")}</p>}
    </>
  );
}
