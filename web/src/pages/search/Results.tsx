import { Button, Spin } from "antd";
import type { QueryField } from "../../api/events";
import { EmptyState } from "../../components/EmptyState";
import { useI18n } from "../../i18n";
import type { LineColumn } from "../../lib/linecols";
import { timesOf, withTerm, withTimes } from "../../lib/querytext";
import { CountTable } from "./CountTable";
import { LineTable } from "./LineTable";
import { RowTable } from "./RowTable";
import type { SearchState } from "./useSearch";

interface Props {
  search: SearchState;
  query: string;
  mark: number | null;
  columns: LineColumn[];
  fields: QueryField[]; /** of the source that was asked */
  onQuery: (q: string) => void;
}

export function Results({ search, query, mark, columns, fields, onQuery }: Props) {
  const { t } = useI18n();
  const { items, count, table, waiting, error, more, loadingMore } = search;
  if (error) return null;
  if (waiting && !items.length && !count && !table) return <Spin className="page-wait" />;
  if (count) return <CountTable answer={count} query={query} onQuery={onQuery} />;
  if (table?.rows.length) return <RowTable answer={table} fields={fields} />;
  if (!items.length) {
    if (search.stats?.cancelled) return <EmptyState what={t("search.nothing_yet")} next={<Button onClick={search.retry}>{t("search.again")}</Button>} />;
    const ranged = timesOf(query).since || timesOf(query).until;
    return (
      <EmptyState
        what={t("search.nothing")}
        next={ranged ? <Button onClick={() => onQuery(withTimes(query))}>{t("search.nothing_range")}</Button> : t("search.nothing_do")}
      />
    );
  }
  return (
    <>
      <LineTable items={items} mark={mark} columns={columns} onTerm={(f, v, no) => onQuery(withTerm(query, f, v, no))} />
      {more && (
        <Button className="more" loading={loadingMore} onClick={more}>
          {t("search.older")}
        </Button>
      )}
    </>
  );
}
