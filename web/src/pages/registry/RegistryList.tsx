// Records of one kind: the schema gives the columns, the server the pages, the address the state.
import { DownloadOutlined, PlusOutlined, UploadOutlined } from "@ant-design/icons";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { App, Breadcrumb, Button } from "antd";
import { useState } from "react";
import { Link, useParams, useSearchParams } from "react-router-dom";
import { exportFile, listRecords, type Kind, type Rec } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useSchema } from "../../hooks/schema";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { saveBlob } from "../../lib/save";
import { readList, toQuery, writeList, type ListState } from "../../lib/liststate";
import { BulkEdit } from "./BulkEdit";
import { ListFilters } from "./ListFilters";
import { ListTable } from "./ListTable";
import { Pager } from "./Pager";

export default function RegistryList() {
  const { kind: name = "" } = useParams();
  const { t } = useI18n();
  const schema = useSchema();
  return (
    <Loaded query={schema}>
      {({ kinds }) => {
        const kind = kinds.find((k) => k.name === name);
        if (!kind) return <EmptyState what={t("registry.no_kind")} next={<Link to="/registry">{t("nav.registry")}</Link>} />;
        return <List kind={kind} />;
      }}
    </Loaded>
  );
}

function List({ kind }: { kind: Kind }) {
  const i18n = useI18n();
  const { t, label } = i18n;
  const [params, setParams] = useSearchParams();
  const state = readList(params);
  const change = (next: ListState) => setParams(writeList(next));
  const may = useRole("operator", "unit_officer");
  const [picked, setPicked] = useState<Rec[]>([]);
  const query = useQuery({
    queryKey: ["list", kind.name, toQuery(state).toString()],
    queryFn: ({ signal }) => listRecords(kind.name, toQuery(state), signal),
    placeholderData: keepPreviousData,
  });
  const total = query.data?.total;
  const narrowed = state.filters.length > 0 || !!state.q;

  return (
    <Page
      title={label(kind.label)}
      above={<Breadcrumb items={[{ title: <Link to="/registry">{t("nav.registry")}</Link> }, { title: label(kind.label) }]} />}
      answer={total !== undefined && t(narrowed ? "registry.some" : "registry.all", { n: total, kind: label(kind.label).toLocaleLowerCase() })}
      actions={<Actions kind={kind} state={state} />}
    >
      {label(kind.help) && <p className="quiet">{label(kind.help)}</p>}
      <ListFilters kind={kind} state={state} onChange={change} />
      {query.isError && <ProblemView error={query.error} retry={() => void query.refetch()} />}
      <BulkEdit kind={kind} picked={picked} />
      <ListTable kind={kind} state={state} items={query.data?.items ?? []} loading={query.isFetching} onChange={change} picked={picked} onPick={may ? setPicked : undefined} />
      <Pager state={state} next={query.data?.next ?? null} total={total} shown={query.data?.items.length ?? 0} onChange={change} />
    </Page>
  );
}

function Actions({ kind, state }: { kind: Kind; state: ListState }) {
  const { t } = useI18n();
  const { message } = App.useApp();
  const may = useRole("operator", "unit_officer");
  const [busy, setBusy] = useState(false);
  const download = async (form: "csv" | "xlsx") => {
    setBusy(true);
    try {
      const query = writeList({ ...state, cols: [], cursor: "", limit: 50 });
      saveBlob(`${kind.name}.${form}`, await exportFile(kind.name, query, form));
    } catch (e) {
      void message.error(e instanceof Error ? e.message : String(e));
    } finally {
      setBusy(false);
    }
  };
  return (
    <>
      {(["csv", "xlsx"] as const).map((form) => (
        <Button key={form} icon={<DownloadOutlined aria-hidden />} loading={busy} onClick={() => void download(form)} title={t("registry.export_help")}>
          {t(`registry.export_${form}`)}
        </Button>
      ))}
      {may && (
        <>
          <Link to={`/registry/${kind.name}/import`} className="button">
            <UploadOutlined aria-hidden /> {t("registry.import")}
          </Link>
          <Link to={`/registry/${kind.name}/new`} className="button primary">
            <PlusOutlined aria-hidden /> {t("registry.new")}
          </Link>
        </>
      )}
    </>
  );
}
