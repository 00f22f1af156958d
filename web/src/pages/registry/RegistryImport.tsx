// Sheets in, of one kind or of several: a dry run first, every mistake by sheet, row and column, then all or nothing.
import { InboxOutlined } from "@ant-design/icons";
import { useQueryClient } from "@tanstack/react-query";
import { Alert, Breadcrumb, Button, Input, Table, Upload } from "antd";
import { useState } from "react";
import { Link, useParams } from "react-router-dom";
import { bookFile, importFiles, markedFile, type ImportOf, type ImportResult } from "../../api/registry";
import { CheckEffects } from "../../components/CheckEffects";
import { Page } from "../../components/Page";
import { useKind } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { saveBlob } from "../../lib/save";
import { ImportError } from "./ImportError";
import { MapChoice, noMap, withText, type MapPick } from "./MapChoice";

const MAX_BYTES = 64 * 1024 * 1024;

export default function RegistryImport() {
  const { kind: name = "" } = useParams();
  const { t, label } = useI18n();
  const client = useQueryClient();
  const kind = useKind(name);
  const [files, setFiles] = useState<ImportOf["files"]>([]);
  const [map, setMap] = useState<MapPick>(noMap);
  const [plan, setPlan] = useState<ImportResult | null>(null);
  const [done, setDone] = useState<ImportResult | null>(null);
  const [error, setError] = useState<unknown>(null);
  const [busy, setBusy] = useState(false);
  const [reason, setReason] = useState("");
  const whole = (own: ImportOf["files"]): ImportOf => ({ kind: name, files: own, map: map.map, with: withText(map) });

  const send = async (of: ImportOf, dry: boolean) => {
    setBusy(true);
    setError(null);
    setDone(null);
    try {
      const result = await importFiles(of, dry, reason.trim());
      if (dry) setPlan(result);
      else {
        setDone(result);
        setPlan(null);
        setFiles([]);
        await client.invalidateQueries();
      }
    } catch (e) {
      setPlan(null);
      setError(e);
    } finally {
      setBusy(false);
    }
  };

  const read = async (given: File[]) => {
    setPlan(null);
    if (given.reduce((n, f) => n + f.size, 0) > MAX_BYTES) {
      setError(new Error(t("import.too_big", { n: MAX_BYTES / 1024 / 1024 })));
      return;
    }
    // Read now: what is judged is what was chosen, whatever happens to the file meanwhile.
    const own = await Promise.all(given.map(async (f) => ({ name: f.name, bytes: new Blob([await f.arrayBuffer()]) })));
    setFiles(own);
    await send(whole(own), true);
  };

  const change = (plan?.created ?? 0) + (plan?.updated ?? 0);
  return (
    <Page
      title={name ? t("import.title", { kind: label(kind?.label).toLocaleLowerCase() }) : t("import.title_many")}
      above={
        <Breadcrumb
          items={[
            { title: <Link to="/registry">{t("nav.registry")}</Link> },
            ...(name ? [{ title: <Link to={`/registry/${name}`}>{label(kind?.label) || name}</Link> }] : []),
            { title: t("registry.import") },
          ]}
        />
      }
      answer={t("import.answer")}
    >
      {!name && <MapChoice pick={map} onChange={setMap} />}
      <Upload.Dragger
        accept=".xlsx,.csv,.txt,.tsv,text/csv"
        showUploadList={false}
        disabled={busy}
        multiple={!name}
        beforeUpload={(f, all) => {
          if (f === all[all.length - 1]) void read(all);
          return false;
        }}
      >
        <p>
          <InboxOutlined aria-hidden /> {files.length ? t("import.chosen", { name: files.map((f) => f.name).join(", ") }) : t("import.choose")}
        </p>
      </Upload.Dragger>
      <p className="quiet">
        {t(name ? "import.help" : "import.help_many")}{" "}
        {name && (
          <Button type="link" onClick={() => void bookFile("template", [name]).then((b) => saveBlob(`${name}.xlsx`, b), setError)}>
            {t("import.template")}
          </Button>
        )}
        {name && <Link to="/registry/import">{t("import.many")}</Link>}
      </p>
      {error ? (
        <ImportError
          error={error}
          retry={files.length ? () => void send(whole(files), true) : undefined}
          marked={files.length ? () => void markedFile(whole(files)).then((b) => saveBlob("luy-marked.xlsx", b), setError) : undefined}
        />
      ) : null}
      {plan && files.length > 0 && (
        <Alert
          type="success"
          showIcon
          message={t("import.plan", { rows: plan.rows, created: plan.created, updated: plan.updated, unchanged: plan.unchanged })}
          description={
            <>
              {plan.sheets.length > 1 && <Sheets of={plan} />}
              {plan.notes.length > 0 && <p>{t("import.notes", { n: plan.notes_total, first: `${plan.notes[0].row} ${plan.notes[0].column}: ${plan.notes[0].detail}` })}</p>}
              <div className="actions">
                <Input aria-label={t("reason.label")} placeholder={t("reason.label")} value={reason} onChange={(e) => setReason(e.target.value)} style={{ width: 320 }} />
                <Button type="primary" loading={busy} disabled={change === 0} onClick={() => void send(whole(files), false)}>
                  {t("import.do", { n: change })}
                </Button>
              </div>
            </>
          }
        />
      )}
      {plan?.checks && change > 0 && <CheckEffects checks={plan.checks} />}
      {done && (
        <Alert
          type="success"
          showIcon
          message={t("import.done", { created: done.created, updated: done.updated, unchanged: done.unchanged })}
          description={
            <div className="actions">
              {name && <Link to={`/registry/${name}?order=-changed_at`}>{t("import.see")}</Link>}
              {done.change && <Link to={`/changes/${done.change}`}>{t("import.undo")}</Link>}
            </div>
          }
        />
      )}
    </Page>
  );
}

function Sheets({ of }: { of: ImportResult }) {
  const { t, fmt } = useI18n();
  const n = (name: "created" | "updated" | "unchanged") => ({
    title: t(`import.${name}`),
    align: "right" as const,
    render: (_: unknown, s: ImportResult["sheets"][number]) => fmt.number(s[name]),
  });
  return (
    <Table
      className="import-sheets"
      size="small"
      pagination={false}
      rowKey={(s) => `${s.sheet} ${s.kind}`}
      dataSource={of.sheets}
      columns={[{ title: t("import.sheet"), dataIndex: "sheet" }, { title: t("import.kind"), dataIndex: "kind" }, n("created"), n("updated"), n("unchanged")]}
    />
  );
}
