// Logs: the query in the address is the whole state of the page.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Button, Dropdown, Segmented } from "antd";
import { DownloadOutlined, PauseCircleOutlined, ThunderboltOutlined } from "@ant-design/icons";
import { useCallback, useMemo } from "react";
import { exportUrl, getQueryFields } from "../../api/events";
import { Page } from "../../components/Page";
import { RunBar } from "../../components/RunBar";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import { readColumns, writeColumns } from "../../lib/linecols";
import { splitPipe } from "../../lib/querytext";
import { Answer } from "./Answer";
import { ColumnChoice } from "./ColumnChoice";
import { CountBy } from "./CountBy";
import { HistogramPanel } from "./HistogramPanel";
import { Patterns, PatternsAnswerLine } from "./Patterns";
import { QueryBox } from "./QueryBox";
import { Results } from "./Results";
import { SavedMenu } from "./SavedMenu";
import { TailPanel } from "./TailPanel";
import { TimeRange } from "./TimeRange";
import { usePatterns } from "./usePatterns";
import { useSearch } from "./useSearch";

export default function SearchPage() {
  const { t } = useI18n();
  const [params, set] = useParamState();
  const q = params.get("q") ?? "";
  const tail = params.get("tail") === "1";
  const client = useQueryClient();
  const setQuery = useCallback((next: string) => set({ q: next, mark: null }), [set]);
  // The same words again mean: look again, time has passed.
  const ask = (next: string) => {
    if (next !== q) setQuery(next);
    else for (const key of ["events", "histogram"]) void client.invalidateQueries({ queryKey: [key] });
  };
  const fields = useQuery({ queryKey: ["query-fields"], queryFn: getQueryFields, staleTime: Infinity });
  const patterns = params.get("view") === "patterns" && !tail;
  const order = params.get("order") === "change" ? "change" : "count";
  const kinds = usePatterns(q, order, patterns);
  const search = useSearch(q, !patterns);
  const { pipe } = splitPipe(q);
  const columns = useMemo(() => readColumns(params.get("cols")), [params]);
  const lines = !search.count && !search.table;
  const asked = fields.data?.sources.find((s) => s.name === search.table?.source)?.fields ?? [];
  // Lines first; charts and counts of a search that was stopped would only begin it again.
  const answered = !search.error && !!search.stats && !search.stats.cancelled;

  return (
    <Page
      title={t("nav.search")}
      answer={tail ? t("search.tailing") : patterns ? <PatternsAnswerLine patterns={kinds} /> : <Answer search={search} query={q} />}
      actions={
        <>
          <SavedMenu query={q} onOpen={ask} />
          {((lines && !patterns) || tail) && <ColumnChoice value={columns} onChange={(v) => set({ cols: writeColumns(v) }, true)} />}
          <Button
            type={tail ? "primary" : "default"}
            icon={tail ? <PauseCircleOutlined aria-hidden /> : <ThunderboltOutlined aria-hidden />}
            disabled={!!pipe && !tail}
            onClick={() => set({ tail: tail ? null : "1" })}
          >
            {tail ? t("tail.stop") : t("tail.start")}
          </Button>
          <Dropdown
            trigger={["click"]}
            menu={{
              items: (["text", "json", "csv"] as const).map((f) => ({
                key: f,
                label: (
                  <a href={exportUrl(q, f)} download>
                    {t(`export.${f}`)}
                  </a>
                ),
              })),
            }}
          >
            <Button icon={<DownloadOutlined aria-hidden />}>{t("export.do")}</Button>
          </Dropdown>
        </>
      }
    >
      <QueryBox value={q} onAsk={ask} fields={fields.data?.fields ?? []} error={patterns ? kinds.error : search.error} />
      <TimeRange query={q} onChange={setQuery} />
      {!tail && (
        <Segmented
          className="views"
          aria-label={t("search.view")}
          value={patterns ? "patterns" : "lines"}
          onChange={(v) => set({ view: v === "patterns" ? "patterns" : null })}
          options={[
            { value: "lines", label: t("search.view_lines") },
            { value: "patterns", label: t("search.view_patterns") },
          ]}
        />
      )}
      {!tail && !patterns && <RunBar run={search.run} onStop={search.stop} />}
      {tail ? (
        <TailPanel query={q} columns={columns} onQuery={setQuery} />
      ) : patterns ? (
        <Patterns
          patterns={kinds}
          query={q}
          order={order}
          onOrder={(v) => set({ order: v === "change" ? "change" : null }, true)}
          onLines={(next) => set({ q: next, view: null, order: null })}
        />
      ) : (
        <>
          <HistogramPanel query={q} onRange={setQuery} enabled={answered && (!search.table || search.table.source === "logs")} />
          {!search.error && (
            <div className={lines ? "cols search-cols" : undefined}>
              <div className="col-main">
                <Results search={search} query={q} onQuery={setQuery} mark={Number(params.get("mark")) || null} columns={columns} fields={asked} />
              </div>
              {lines && (
                <div className="col-side">
                  <CountBy query={q} fields={fields.data?.fields ?? []} onQuery={setQuery} enabled={answered} />
                </div>
              )}
            </div>
          )}
        </>
      )}
    </Page>
  );
}
