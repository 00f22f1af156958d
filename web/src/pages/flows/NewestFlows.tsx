import { useQuery } from "@tanstack/react-query";
import { Table } from "antd";
import type { Cell } from "../../api/events";
import { newestFlows } from "../../api/flows";
import { Panel } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";

const SHOWN = 20;
const COLUMNS = ["at", "src", "src_port", "dst", "dst_port", "proto", "bytes", "packets", "exporter"];
const PICKED = ["src", "dst", "dst_port", "proto", "exporter"];
const COUNTED = ["bytes", "packets"];

/** Single flows, so that a reader sees what the sums are made of. */
export function NewestFlows({ query, enabled, onPick }: { query: string; enabled: boolean; onPick: (pairs: [string, string][]) => void }) {
  const { t, fmt, word } = useI18n();
  const answer = useQuery({
    queryKey: ["flows", "newest", query],
    queryFn: ({ signal }) => newestFlows(query, SHOWN, signal),
    enabled,
    staleTime: 30000,
    placeholderData: (old) => old,
    refetchOnWindowFocus: false,
  });
  const show = (name: string, v: Cell) => {
    if (v === null) return "";
    if (name === "at") return fmt.time(String(v));
    if (name === "bytes") return fmt.bytes(Number(v));
    if (name === "packets") return fmt.number(Number(v));
    if (!PICKED.includes(name)) return String(v);
    return (
      <button type="button" className="as-link mono" title={t("flows.only", { what: String(v) })} onClick={() => onPick([[name, String(v)]])}>
        {String(v)}
      </button>
    );
  };
  return (
    <Panel title={t("flows.newest")}>
      {answer.error ? <ProblemView error={answer.error} /> : null}
      <Table
        rowKey={(_, i) => String(i)}
        dataSource={answer.data ?? []}
        loading={!answer.data && answer.isFetching}
        pagination={false}
        columns={COLUMNS.map((c, i) => ({
          key: c,
          title: word("flow_field", c),
          align: COUNTED.includes(c) ? ("right" as const) : undefined,
          render: (_: unknown, r: Cell[]) => <span className="mono nowrap">{show(c, r[i])}</span>,
        }))}
      />
    </Panel>
  );
}
