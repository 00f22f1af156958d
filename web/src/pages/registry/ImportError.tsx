// What stands in the way of an import: a table of mistakes, and the sheet with each one marked.
import { Alert, Button, Table } from "antd";
import { ApiError, type ProblemItem } from "../../api/client";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";

interface Props {
  error: unknown;
  retry?: () => void;
  marked?: () => void;
}

const place = (e: ProblemItem) => (e.at ? `${e.at}${e.line ? `:${e.line}` : ""}` : e.column ?? e.pointer ?? "–");

export function ImportError({ error, retry, marked }: Props) {
  const { t, fmt } = useI18n();
  const problem = error instanceof ApiError ? error.problem : null;
  const items = problem?.errors ?? [];
  if (!items.length) return <ProblemView error={error} retry={retry} />;
  const total = problem?.errors_total ?? items.length;
  const sheets = items.some((e) => e.sheet);
  const rows = items.some((e) => e.row);
  return (
    <>
      <Alert
        type="error"
        showIcon
        role="alert"
        message={t("import.wrong", { n: total })}
        description={
          <div className="actions">
            <span>{t("import.wrong_do")}</span>
            {rows && marked && <Button onClick={marked}>{t("import.marked")}</Button>}
          </div>
        }
      />
      <Table<ProblemItem>
        rowKey={(e) => `${e.sheet ?? ""} ${e.row ?? e.line ?? ""} ${e.column ?? ""} ${e.pointer ?? ""} ${e.detail}`}
        className="import-errors"
        dataSource={items}
        pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          ...(sheets ? [{ title: t("import.sheet"), width: 180, render: (_: unknown, e: ProblemItem) => e.sheet ?? "–" }] : []),
          { title: t("import.row"), width: 90, align: "right", render: (_, e) => fmt.number(e.row) || "–" },
          { title: t("import.column"), width: 180, render: (_, e) => <code>{place(e)}</code> },
          { title: t("import.mistake"), render: (_, e) => e.detail },
        ]}
      />
      {total > items.length && <p className="quiet">{t("import.more", { n: total - items.length })}</p>}
    </>
  );
}
