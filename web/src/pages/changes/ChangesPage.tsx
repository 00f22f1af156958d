import { useInfiniteQuery } from "@tanstack/react-query";
import { Button, Checkbox, Input, Segmented, Table } from "antd";
import { Link } from "react-router-dom";
import { listChanges, type ChangeHead } from "../../api/changes";
import type { Page as PageOf } from "../../api/types";
import { EmptyState } from "../../components/EmptyState";
import { Page } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { ChangeState } from "../../components/States";
import { useParamState } from "../../hooks/params";
import { useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";

/** Waiting for me first: that is what the approver with two minutes came for. */
export default function ChangesPage() {
  const { t } = useI18n();
  const [params, set] = useParamState();
  const all = params.get("show") === "all";
  const implicit = params.get("implicit") === "1";
  const asked = new URLSearchParams({ limit: "50" });
  if (!all) asked.set("waiting", "1");
  if (all && implicit) asked.set("implicit", "1");
  const q = params.get("q") ?? "";
  if (q) asked.set("q", q);
  const query = useInfiniteQuery({
    queryKey: ["changes", asked.toString()],
    queryFn: ({ pageParam }) => {
      const next = new URLSearchParams(asked);
      if (pageParam) next.set("cursor", pageParam);
      return listChanges(next);
    },
    initialPageParam: "",
    getNextPageParam: (last: PageOf<ChangeHead>) => last.next ?? undefined,
  });
  const items = query.data?.pages.flatMap((p) => p.items) ?? [];
  return (
    <Page
      title={t("nav.changes")}
      answer={query.data && (all ? t("changes.answer_all", { n: items.length }) : t("changes.answer", { n: items.length }))}
    >
      <div className="filters">
        <Segmented
          value={all ? "all" : "mine"}
          onChange={(v) => set({ show: v === "all" ? "all" : null }, true)}
          options={[
            { value: "mine", label: t("changes.waiting") },
            { value: "all", label: t("changes.all") },
          ]}
        />
        <Input.Search allowClear placeholder={t("changes.find")} defaultValue={q} onSearch={(v) => set({ q: v || null }, true)} style={{ width: 260 }} />
        {all && (
          <Checkbox checked={implicit} onChange={(e) => set({ implicit: e.target.checked ? "1" : null }, true)}>
            {t("changes.implicit")}
          </Checkbox>
        )}
      </div>
      {query.isError && <ProblemView error={query.error} retry={() => void query.refetch()} />}
      <ChangeTable items={items} loading={query.isPending} />
      {query.hasNextPage && (
        <Button className="more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("changes.more")}
        </Button>
      )}
    </Page>
  );
}

function ChangeTable({ items, loading }: { items: ChangeHead[]; loading: boolean }) {
  const { t, fmt, label } = useI18n();
  const schema = useSchema();
  const kindLabel = (name: string) => label(schema.data?.kinds.find((k) => k.name === name)?.label) || name;
  return (
    <Table
      rowKey="id"
      sticky
      pagination={false}
      loading={loading}
      dataSource={items}
      locale={{ emptyText: loading ? <span /> : <EmptyState what={t("changes.none")} next={t("changes.none_do")} /> }}
      columns={[
        { title: t("changes.number"), dataIndex: "id", width: 70 },
        { title: t("changes.title"), render: (_, c) => <Link to={`/changes/${c.id}`}>{titleOf(c, t)}</Link> },
        { title: t("changes.state"), width: 170, render: (_, c) => <ChangeState value={c.state} /> },
        { title: t("changes.kinds"), render: (_, c) => c.kinds.map(kindLabel).join(", ") },
        { title: t("changes.ops"), width: 90, align: "right", render: (_, c) => fmt.number(c.ops_total) },
        { title: t("changes.author"), render: (_, c) => c.author_person?.title ?? c.author },
        { title: t("changes.changed"), width: 160, render: (_, c) => fmt.time(c.changed_at) },
      ]}
    />
  );
}

export function titleOf(c: ChangeHead, t: ReturnType<typeof useI18n>["t"]): string {
  if (c.reverts) return t("changes.inverse_of", { n: c.reverts });
  return c.title || c.reason || t("changes.numbered", { n: c.id });
}
