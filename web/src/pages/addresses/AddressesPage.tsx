// The prefix map: containers, then what each prefix holds, where it is free, and what does not fit together.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Breadcrumb, Button } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import { getTree, type Tree } from "../../api/addresses";
import { listRecords } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { RefLink } from "../../components/RefLink";
import { RefSelect } from "../../components/RefSelect";
import { useParamState } from "../../hooks/params";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { recordPath } from "../../lib/paths";
import { amount } from "./amount";
import { GiveDialog } from "./GiveDialog";
import { mapPath, TreeTable, UseBar } from "./TreeTable";

function PrefixChoice({ value }: { value: string }) {
  const { t } = useI18n();
  const [, set] = useParamState();
  return <RefSelect kind="prefix" by="key" value={value || null} label={t("addr.choose")} width={280} onChange={(v) => set({ prefix: v === null ? null : String(v), from: null })} />;
}

function Containers() {
  const { t } = useI18n();
  const query = useQuery({
    queryKey: ["containers"],
    queryFn: () => listRecords("prefix", new URLSearchParams({ container: "true", order: "prefix", limit: "500" })),
  });
  return (
    <Page title={t("nav.addresses")} answer={query.data && t("addr.answer_all", { n: query.data.items.length })}>
      <div className="filters">
        <PrefixChoice value="" />
      </div>
      <Loaded query={query}>
        {({ items }) =>
          items.length ? (
            <ul className="rows">
              {items.map((p) => (
                <li key={p.id} className="kind">
                  <Link to={mapPath(p.key)}>{p.key}</Link> <RefLink kind="network" value={p.network as never} /> <RefLink kind="unit" value={p.unit as never} />
                </li>
              ))}
            </ul>
          ) : (
            <EmptyState what={t("addr.none")} next={<Link to="/registry/prefix/new">{t("addr.none_do")}</Link>} />
          )
        }
      </Loaded>
    </Page>
  );
}

function Conflicts({ tree }: { tree: Tree }) {
  const { t, word } = useI18n();
  if (!tree.conflicts.length) return null;
  return (
    <Alert
      type="warning"
      showIcon
      message={t("addr.conflicts", { n: tree.conflicts.length })}
      description={
        <ul>
          {tree.conflicts.map((c) => (
            <li key={c.address}>
              <code>{c.address}</code> {word("addr_conflict", c.why)} {c.prefix && <Link to={mapPath(c.prefix)}>{c.prefix}</Link>}
            </li>
          ))}
        </ul>
      }
    />
  );
}

function OnePrefix({ name }: { name: string }) {
  const { t, fmt } = useI18n();
  const [params, set] = useParamState();
  const from = params.get("from") ?? "";
  const writes = useRole("operator");
  const cache = useQueryClient();
  const [give, setGive] = useState<{ gap?: string } | null>(null);
  const query = useQuery({ queryKey: ["tree", name, from], queryFn: () => getTree(name, from || undefined) });
  const use = query.data?.use;
  const done = () => {
    for (const key of ["tree", "free", "counts"]) void cache.invalidateQueries({ queryKey: [key] });
  };
  return (
    <Page
      title={name}
      above={
        <Breadcrumb
          items={[{ title: <Link to="/addresses">{t("nav.addresses")}</Link> }, ...(query.data?.above ?? []).map((a) => ({ title: <Link to={mapPath(a.key)}>{a.key}</Link> })), { title: name }]}
        />
      }
      answer={use && t("addr.answer", { free: amount(use.free, fmt.number), size: amount(use.size, fmt.number), cooling: amount(use.cooling, fmt.number), reserved: amount(use.reserved, fmt.number) })}
      actions={
        <>
          <PrefixChoice value={name} />
          {writes && query.data && (
            <Button type="primary" onClick={() => setGive({})}>
              {t("addr.next_free")}
            </Button>
          )}
          {query.data && <Link to={recordPath("prefix", query.data.prefix.id)}>{t("addr.record")}</Link>}
        </>
      }
    >
      <Loaded query={query}>
        {(tree) => (
          <>
            <UseBar use={tree.use} />
            <Conflicts tree={tree} />
            <TreeTable rows={tree.rows} onGive={writes ? (gap) => setGive({ gap }) : undefined} />
            {tree.next && <Button onClick={() => set({ from: tree.next })}>{t("addr.more", { from: tree.next })}</Button>}
            {give && <GiveDialog prefix={tree.prefix} gap={give.gap} onDone={done} onClose={() => setGive(null)} />}
          </>
        )}
      </Loaded>
    </Page>
  );
}

export default function AddressesPage() {
  const [params] = useParamState();
  const name = params.get("prefix");
  return name ? <OnePrefix key={name} name={name} /> : <Containers />;
}
