import { EditOutlined, PrinterOutlined, StopOutlined } from "@ant-design/icons";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Breadcrumb, Button, Tabs } from "antd";
import { useState } from "react";
import { Link, useNavigate, useParams } from "react-router-dom";
import { apiUrl } from "../../api/client";
import { orPropose } from "../../api/changes";
import { endRecord, getRecord, type Kind, type Rec } from "../../api/registry";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { ReasonModal } from "../../components/ReasonModal";
import { useParamState } from "../../hooks/params";
import { useKind } from "../../hooks/schema";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { FieldsView } from "./FieldsView";
import { HistoryView } from "./HistoryView";
import { LifeCycle } from "./LifeCycle";
import { RelatedView } from "./RelatedView";
import { WhyView } from "./WhyView";
import { recordPath } from "../../lib/paths";

export default function RegistryRecord() {
  const { kind: name = "", id = "" } = useParams();
  const { t, label } = useI18n();
  const kind = useKind(name);
  const query = useQuery({ queryKey: ["record", name, id], queryFn: () => getRecord(name, id) });
  const rec = query.data;
  return (
    <Page
      title={rec ? rec.title || rec.key : id}
      above={
        <Breadcrumb
          items={[
            { title: <Link to="/registry">{t("nav.registry")}</Link> },
            { title: <Link to={`/registry/${name}`}>{label(kind?.label) || name}</Link> },
            { title: rec?.key ?? id },
          ]}
        />
      }
      answer={rec && kind && <Answer kind={kind} rec={rec} />}
      actions={rec && kind && <Actions kind={kind} rec={rec} />}
    >
      <Loaded query={query}>{(r) => (kind ? <Body kind={kind} rec={r} /> : null)}</Loaded>
    </Page>
  );
}

function Answer({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t, label, fmt } = useI18n();
  const state = label(kind.states?.find((s) => s.value === rec.state)?.label) || rec.state || "";
  if (rec.valid_to) return <>{t("record.ended", { at: fmt.time(rec.valid_to), by: rec.changed_by ?? "" })}</>;
  return <>{t("record.answer", { key: rec.key, state, at: fmt.time(rec.changed_at), by: rec.changed_by ?? "", rev: rec.rev })}</>;
}

function Actions({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t, label, lang } = useI18n();
  const client = useQueryClient();
  const may = useRole("operator", "unit_officer");
  const go = useNavigate();
  const [ending, setEnding] = useState(false);
  const living = !rec.valid_to;
  return (
    <>
      {kind.name === "unit" && (
        <a className="button" href={apiUrl(`/units/${rec.id}/sheet`, { lang })} target="_blank" rel="noreferrer">
          {t("record.sheet")}
        </a>
      )}
      <Button icon={<PrinterOutlined aria-hidden />} onClick={() => window.print()}>
        {t("print.do")}
      </Button>
      {may && living && (
        <>
          <Button danger icon={<StopOutlined aria-hidden />} onClick={() => setEnding(true)}>
            {t("record.end")}
          </Button>
          <Link className="button primary" to={`${recordPath(kind.name, rec.id)}/edit`}>
            <EditOutlined aria-hidden /> {t("record.edit")}
          </Link>
        </>
      )}
      {ending && (
        <ReasonModal
          danger
          required
          title={t("record.end_title", { what: `${label(kind.label)} ${rec.key}` })}
          effect={t("record.end_effect")}
          ok={t("record.end")}
          run={async (reason) => {
            const title = t("changes.end_title", { what: `${label(kind.label)} ${rec.key}` });
            const set = await orPropose(() => endRecord(kind.name, rec.id, rec.rev, reason), title, reason, {
              op: "end",
              kind: kind.name,
              target: Number(rec.id),
              rev: rec.rev,
            });
            await client.invalidateQueries();
            if (set) go(`/changes/${set.id}`);
          }}
          onClose={() => setEnding(false)}
        />
      )}
    </>
  );
}

function Body({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t } = useI18n();
  const [params, set] = useParamState();
  return (
    <>
      {rec.valid_to && <Alert type="warning" showIcon message={t("record.ended_note")} />}
      <LifeCycle kind={kind} rec={rec} />
      <Tabs
        activeKey={params.get("tab") ?? "fields"}
        onChange={(tab) => set({ tab: tab === "fields" ? null : tab }, true)}
        items={[
          { key: "fields", label: t("record.fields"), children: <FieldsView kind={kind} rec={rec} /> },
          { key: "related", label: t("record.related"), children: <RelatedView kind={kind} rec={rec} /> },
          { key: "why", label: t("record.why"), children: <WhyView kind={kind} rec={rec} /> },
          { key: "history", label: t("record.history"), children: <HistoryView kind={kind} rec={rec} /> },
        ]}
      />
    </>
  );
}
