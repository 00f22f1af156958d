// Counts of the same lines by one field at a time, beside the lines.
import { useQuery } from "@tanstack/react-query";
import { Button, Select, Spin } from "antd";
import { isCount, searchEvents, type QueryField } from "../../api/events";
import { Panel } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import { withCountBy, withTerm } from "../../lib/querytext";

const SHOWN = 12;
const COUNTABLE = ["host", "program", "severity", "source", "facility", "transport", "format", "pid", "relay"];

interface Props {
  query: string;
  fields: QueryField[];
  enabled: boolean;
  onQuery: (q: string) => void;
}

export function CountBy({ query, fields, enabled, onQuery }: Props) {
  const { t, word } = useI18n();
  const [params, set] = useParamState();
  const chosen = (params.get("by") ?? "severity,host,program").split(",").filter(Boolean);
  const known = fields.map((f) => f.name).filter((n) => COUNTABLE.includes(n));
  return (
    <Panel title={t("count.title")}>
      <Select
        mode="multiple"
        aria-label={t("count.choose")}
        value={chosen}
        onChange={(v: string[]) => set({ by: v.join(",") || "host" })}
        options={(known.length ? known : COUNTABLE).map((f) => ({ value: f, label: word("log_field", f) }))}
        style={{ width: "100%" }}
        maxCount={4}
      />
      {enabled && chosen.map((f) => <Facet key={f} field={f} query={query} onQuery={onQuery} />)}
    </Panel>
  );
}

function Facet({ field, query, onQuery }: { field: string; query: string; onQuery: (q: string) => void }) {
  const { t, fmt, word } = useI18n();
  const asked = withCountBy(query, [field]);
  const answer = useQuery({
    queryKey: ["events", asked, "facet"],
    queryFn: ({ signal }) => searchEvents(asked, SHOWN, undefined, signal),
    staleTime: 30000,
    placeholderData: (old) => old,
    refetchOnWindowFocus: false,
  });
  if (!answer.data) return answer.isFetching ? <Spin /> : null;
  if (!isCount(answer.data)) return null;
  const rows = answer.data.rows.slice(0, SHOWN);
  const most = Math.max(...rows.map((r) => r.count), 1);
  return (
    <section className="facet">
      <h3>
        {word("log_field", field)}
        <Button type="link" onClick={() => onQuery(asked)}>
          {t("count.all")}
        </Button>
      </h3>
      <ul className="rows">
        {rows.map((r) => (
          <li key={r.keys[0]} className="bar-cell">
            <button type="button" className="as-link mono cut" title={r.keys[0]} onClick={() => onQuery(withTerm(query, field, r.keys[0]))}>
              {r.keys[0] || t("count.empty")}
            </button>
            <span className="bar-n">{fmt.number(r.count)}</span>
            <span className="bar" style={{ width: `${Math.max(1, (100 * r.count) / most)}%` }} aria-hidden />
          </li>
        ))}
      </ul>
    </section>
  );
}
