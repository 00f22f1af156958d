// CSV in: a dry run first, every mistake by row and column, then all or nothing.
import { InboxOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Alert, Breadcrumb, Button, Input, Table, Upload } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router-dom";
import { ApiError, type ProblemItem } from "../../api/client";
import { importCsv, type ImportResult } from "../../api/registry";
import { Page } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useKind } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { saveText } from "../../lib/save";

const MAX_BYTES = 64 * 1024 * 1024;

export default function RegistryImport() {
  const { kind: name = "" } = useParams();
  const { t, label } = useI18n();
  const client = useQueryClient();
  const kind = useKind(name);
  const [file, setFile] = useState<{ name: string; text: string } | null>(null);
  const [plan, setPlan] = useState<ImportResult | null>(null);
  const [done, setDone] = useState<ImportResult | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState("");

  const send = async (text: string, dry: boolean) => {
    setBusy(true);
    setError(null);
    setDone(null);
    try {
      const result = await importCsv(name, text, dry, reason.trim());
      if (dry) setPlan(result);
      else {
        setDone(result);
        setPlan(null);
        setFile(null);
        await client.invalidateQueries();
      }
    } catch (e) {
      setPlan(null);
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  const read = async (f: File) => {
    setPlan(null);
    if (f.size > MAX_BYTES) {
      setError(new Error(t("import.too_big", { n: MAX_BYTES / 1024 / 1024 })));
      return;
    }
    const text = await f.text();
    setFile({ name: f.name, text });
    await send(text, true);
  };

  const title = t("import.title", { kind: label(kind?.label).toLocaleLowerCase() });
  return (
    <Page
      title={title}
      above={
        <Breadcrumb
          items={[
            { title: <Link to="/registry">{t("nav.registry")}</Link> },
            { title: <Link to={`/registry/${name}`}>{label(kind?.label) || name}</Link> },
            { title: t("registry.import") },
          ]}
        />
      }
      answer={t("import.answer")}
    >
      <Upload.Dragger
        accept=".csv,.txt,.tsv,text/csv"
        showUploadList={false}
        disabled={busy}
        beforeUpload={(f) => {
          void read(f);
          return false;
        }}
      >
        <p>
          <InboxOutlined aria-hidden /> {file ? t("import.chosen", { name: file.name }) : t("import.choose")}
        </p>
      </Upload.Dragger>
      {kind && (
        <p className="quiet">
          {t("import.help")}{" "}
          <Button type="link" onClick={() => saveText(`${name}.csv`, `${header(kind.fields)}\n`, "text/csv;charset=utf-8")}>
            {t("import.template")}
          </Button>
        </p>
      )}
      {error ? <ImportError error={error} retry={file ? () => void send(file.text, true) : undefined} /> : null}
      {plan && file && (
        <Alert
          type="success"
          showIcon
          message={t("import.plan", { ...plan })}
          description={
            <div className="actions">
              <Input aria-label={t("reason.label")} placeholder={t("reason.label")} value={reason} onChange={(e) => setReason(e.target.value)} style={{ width: 320 }} />
              <Button type="primary" loading={busy} disabled={plan.created + plan.updated === 0} onClick={() => void send(file.text, false)}>
                {t("import.do", { n: plan.created + plan.updated })}
              </Button>
            </div>
          }
        />
      )}
      {done && <Alert type="success" showIcon message={t("import.done", { ...done })} description={<Link to={`/registry/${name}?order=-changed_at`}>{t("import.see")}</Link>} />}
    </Page>
  );
}

function header(fields: { name: string; ref?: string | null }[]): string {
  return fields.map((f) => f.name).join(",");
}

function ImportError({ error, retry }: { error: unknown; retry?: () => void }) {
  const { t, fmt } = useI18n();
  const items = error instanceof ApiError ? error.problem.errors ?? [] : [];
  if (!items.length) return <ProblemView error={error} retry={retry} />;
  return (
    <>
      <Alert type="error" showIcon role="alert" message={t("import.wrong", { n: items.length })} description={t("import.wrong_do")} />
      <Table<ProblemItem>
        rowKey={(e) => `${e.row ?? ""} ${e.column ?? ""} ${e.pointer ?? ""} ${e.detail}`}
        className="import-errors"
        dataSource={items}
        pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
        columns={[
          { title: t("import.row"), width: 90, align: "right", render: (_, e) => fmt.number(e.row) || "–" },
          { title: t("import.column"), width: 180, render: (_, e) => <code>{e.column ?? e.pointer ?? "–"}</code> },
          { title: t("import.mistake"), render: (_, e) => e.detail },
        ]}
      />
    </>
  );
}
