// Who talks to whom: the query in the address is the whole state, as in Search.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { SearchOutlined } from "@ant-design/icons";
import { Segmented } from "antd";
import { Link } from "react-router-dom";
import { getQueryFields } from "../../api/events";
import { firstFlow, flowSpan, flowTotals, MEASURES, type Measure } from "../../api/flows";
import { EmptyState } from "../../components/EmptyState";
import { Page } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import { withTerm, withTimes } from "../../lib/querytext";
import { isoSecond } from "../../lib/times";
import { QueryBox } from "../search/QueryBox";
import { TimeRange } from "../search/TimeRange";
import { FlowChart } from "./FlowChart";
import { NewestFlows } from "./NewestFlows";
import { TopList } from "./TopList";

const LISTS = [
  { key: "flows.talkers", fields: ["src"] },
  { key: "flows.receivers", fields: ["dst"] },
  { key: "flows.pairs", fields: ["src", "dst"] },
  { key: "flows.ports", fields: ["proto", "dst_port"] },
] as const;

export default function FlowsPage() {
  const { t, fmt } = useI18n();
  const [params, set] = useParamState();
  const q = params.get("q") ?? "since:-1h";
  const measure = MEASURES.find((m) => m === params.get("by")) ?? "bytes";
  const client = useQueryClient();
  const setQuery = (next: string) => set({ q: next });
  const ask = (next: string) => {
    if (next !== q) setQuery(next);
    else void client.invalidateQueries({ queryKey: ["flows"] });
  };
  const fields = useQuery({ queryKey: ["query-fields"], queryFn: getQueryFields, staleTime: Infinity });
  const span = useQuery({
    queryKey: ["flows", "span", q],
    queryFn: async ({ signal }) => {
      const s = await flowSpan(q, signal);
      const to = s.until ? Date.parse(s.until) : Date.now();
      const from = s.since ?? (await firstFlow(q, signal));
      return { from: from ? Date.parse(from) : null, to };
    },
    staleTime: 30000,
    refetchOnWindowFocus: false,
  });
  const good = !!span.data && !span.isFetching;
  const totals = useQuery({ queryKey: ["flows", "totals", q], queryFn: ({ signal }) => flowTotals(q, signal), enabled: good, staleTime: 30000, refetchOnWindowFocus: false });
  const sum = totals.data;
  const drill = (pairs: readonly (readonly [string, string])[]) => setQuery(pairs.reduce((old, [f, v]) => withTerm(old, f, v), q));
  return (
    <Page
      title={t("nav.flows")}
      answer={
        span.error ? null : sum ? t("flows.sum", { flows: sum.flows, bytes: fmt.bytes(sum.bytes), packets: fmt.number(sum.packets) }) : t("search.waiting")
      }
      actions={
        <Link className="button" to={`/search?q=${encodeURIComponent(`from:flows ${q}`)}`}>
          <SearchOutlined aria-hidden /> {t("flows.in_search")}
        </Link>
      }
    >
      <QueryBox value={q} onAsk={ask} fields={fields.data?.sources.find((s) => s.name === "flows")?.fields ?? []} error={span.error} source="flows" />
      <TimeRange query={q} onChange={setQuery} />
      {!span.error &&
        (sum && sum.flows === 0 ? (
          <EmptyState what={t("flows.nothing")} next={t("flows.nothing_do")} />
        ) : (
          <>
            <div className="filters">
              <span id="flows-by">{t("flows.by")}</span>
              <Segmented
                aria-labelledby="flows-by"
                value={measure}
                onChange={(v) => set({ by: v === "bytes" ? null : v })}
                options={MEASURES.map((m: Measure) => ({ value: m, label: t(`flows.by_${m}`) }))}
              />
            </div>
            {good && span.data.from !== null && (
              <FlowChart query={q} measure={measure} from={span.data.from} to={span.data.to} onRange={(a, b) => setQuery(withTimes(q, isoSecond(a), isoSecond(b)))} />
            )}
            <div className="pair">
              {LISTS.map((l) => (
                <TopList key={l.key} title={t(l.key)} fields={[...l.fields]} query={q} measure={measure} total={sum?.[measure]} enabled={good} onPick={drill} />
              ))}
            </div>
            <NewestFlows query={q} enabled={good} onPick={drill} />
          </>
        ))}
    </Page>
  );
}
