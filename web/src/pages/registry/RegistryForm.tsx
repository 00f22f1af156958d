import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Breadcrumb } from "antd";
import { Link, useNavigate, useParams } from "react-router-dom";
import { getRecord, type Kind, type Rec } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { RecordForm } from "./RecordForm";
import { recordPath } from "../../lib/paths";

export default function RegistryForm() {
  const { kind: name = "", id } = useParams();
  const { t } = useI18n();
  const schema = useSchema();
  return (
    <Loaded query={schema}>
      {({ kinds }) => {
        const kind = kinds.find((k) => k.name === name);
        if (!kind) return <EmptyState what={t("registry.no_kind")} next={<Link to="/registry">{t("nav.registry")}</Link>} />;
        return id === undefined ? <Frame kind={kind} rec={null} /> : <Edit kind={kind} id={id} />;
      }}
    </Loaded>
  );
}

function Edit({ kind, id }: { kind: Kind; id: string }) {
  // The form keeps the record that it opened with; a newer one meets it when it is saved.
  const query = useQuery({
    queryKey: ["record", kind.name, id, "form"],
    queryFn: () => getRecord(kind.name, id),
    staleTime: Infinity,
    gcTime: 0,
    refetchOnWindowFocus: false,
  });
  return <Loaded query={query}>{(rec) => <Frame kind={kind} rec={rec} />}</Loaded>;
}

function Frame({ kind, rec }: { kind: Kind; rec: Rec | null }) {
  const { t, label } = useI18n();
  const go = useNavigate();
  const client = useQueryClient();
  const kindName = label(kind.label);
  const back = rec ? recordPath(kind.name, rec.id) : `/registry/${kind.name}`;
  return (
    <Page
      title={rec ? t("form.edit_title", { what: rec.title || rec.key }) : t("form.new_title", { kind: kindName.toLocaleLowerCase() })}
      above={
        <Breadcrumb
          items={[
            { title: <Link to="/registry">{t("nav.registry")}</Link> },
            { title: <Link to={`/registry/${kind.name}`}>{kindName}</Link> },
            { title: rec ? <Link to={back}>{rec.key}</Link> : t("registry.new") },
          ]}
        />
      }
    >
      <RecordForm
        kind={kind}
        rec={rec}
        onCancel={() => go(back)}
        onSaved={(done) => {
          void client.invalidateQueries({ predicate: (q) => q.queryKey[0] !== "schema" && q.queryKey[3] !== "form" });
          go(recordPath(kind.name, done.id), { replace: true });
        }}
      />
    </Page>
  );
}
