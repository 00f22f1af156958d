import { useInfiniteQuery } from "@tanstack/react-query";
import { Button } from "antd";
import { listFindings, type Finding } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { FindingTable } from "../../components/FindingTable";
import { Page } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import type { Page as PageOf } from "../../api/types";
import { FILTERS, FindingFilters } from "./FindingFilters";

export default function FindingsPage() {
  const { t } = useI18n();
  const [params] = useParamState();
  const asked = new URLSearchParams();
  for (const name of FILTERS) {
    const value = params.get(name) ?? "";
    if (value) asked.set(name, value);
  }
  // Without a wish, what still needs somebody; "any" asks for closed ones too.
  const state = params.get("state") ?? "living";
  if (state === "any") asked.delete("state");
  else asked.set("state", state);
  asked.set("limit", "100");

  const query = useInfiniteQuery({
    queryKey: ["findings", asked.toString()],
    queryFn: ({ pageParam }) => {
      const q = new URLSearchParams(asked);
      if (pageParam) q.set("cursor", pageParam);
      return listFindings(q);
    },
    initialPageParam: "",
    getNextPageParam: (last: PageOf<Finding>) => last.next ?? undefined,
  });
  const items = query.data?.pages.flatMap((p) => p.items) ?? [];
  const total = query.data?.pages[0]?.total ?? items.length;

  return (
    <Page title={t("nav.findings")} answer={query.data && <Answer total={total} state={state} filtered={params.size > 0} />}>
      <FindingFilters state={state} />
      {query.isError && <ProblemView error={query.error} retry={() => void query.refetch()} />}
      <FindingTable
        items={items}
        hide={["first"]}
        table={{
          loading: query.isPending,
          sticky: true,
          locale: { emptyText: query.isPending ? <span /> : <EmptyState what={t("findings.none")} next={t("findings.none_do")} /> },
        }}
      />
      {query.hasNextPage && (
        <Button className="more" loading={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
          {t("list.more", { n: total - items.length })}
        </Button>
      )}
    </Page>
  );
}

function Answer({ total, state, filtered }: { total: number; state: string; filtered: boolean }) {
  const { t, word } = useI18n();
  if (!filtered) return <>{t("findings.answer", { n: total })}</>;
  return <>{t("findings.answer_some", { n: total, state: state === "any" ? t("findings.any_state") : word("finding_state", state) })}</>;
}
