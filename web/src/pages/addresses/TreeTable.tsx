// What a prefix holds, row by row in order of address; a gap row can be given out.
import { Button, Progress, Table } from "antd";
import { Link } from "react-router-dom";
import type { TreeRow, Use } from "../../api/addresses";
import { RefLink } from "../../components/RefLink";
import { useI18n } from "../../i18n";
import { recordPath } from "../../lib/paths";
import { amount } from "./amount";

export const mapPath = (prefix: string) => `/addresses?prefix=${encodeURIComponent(prefix)}`;

export function UseBar({ use }: { use: Use }) {
  const { t, fmt } = useI18n();
  const percent = Math.min(100, use.percent);
  return (
    <div className="use">
      <Progress percent={percent} showInfo={false} size="small" status={percent >= 90 ? "exception" : "normal"} aria-label={t("addr.used")} />
      <span className="quiet">{t("addr.use", { percent: fmt.number(percent, 1), free: amount(use.free, fmt.number) })}</span>
    </div>
  );
}

function About({ row }: { row: TreeRow }) {
  const { t, word, fmt } = useI18n();
  if (row.type === "prefix" && row.use) return <UseBar use={row.use} />;
  if (row.type === "reserved") return <>{word("addr_why", row.why ?? "")}</>;
  if (row.type === "cooling") return <>{t("addr.until", { time: fmt.time(row.until ?? "") })}</>;
  if (row.type === "address")
    return (
      <>
        {row.fqdn && <code>{row.fqdn}</code>} <RefLink kind="device" value={row.device ?? null} /> {row.purpose}
      </>
    );
  return null;
}

export function TreeTable({ rows, onGive }: { rows: TreeRow[]; onGive?: (gap: string) => void }) {
  const { t, word, fmt } = useI18n();
  const range = (r: TreeRow) => {
    if (r.type === "prefix" && r.key) return <Link to={mapPath(r.key)}>{r.key}</Link>;
    if (r.type === "address" && r.id) return <Link to={recordPath("address", r.id)}>{r.key}</Link>;
    return r.prefix ?? (r.first === r.last ? r.first : `${r.first} – ${r.last}`);
  };
  return (
    <Table<TreeRow>
      className="addr-rows"
      size="small"
      rowKey={(r) => `${r.type} ${r.first} ${r.last}`}
      rowClassName={(r) => `addr-${r.type}`}
      dataSource={rows}
      pagination={false}
      columns={[
        { title: t("addr.range"), width: 300, render: (_, r) => range(r) },
        { title: t("addr.what"), width: 120, render: (_, r) => word("addr_row", r.type) },
        { title: t("addr.size"), width: 110, align: "right", render: (_, r) => amount(r.size, fmt.number) },
        { title: t("addr.unit"), width: 180, render: (_, r) => <RefLink kind="unit" value={r.unit ?? null} /> },
        { title: t("addr.about"), render: (_, r) => <About row={r} /> },
        {
          title: "",
          width: 90,
          render: (_, r) =>
            r.type === "gap" && onGive ? (
              <Button size="small" onClick={() => onGive(r.prefix ?? r.first)}>
                {t("addr.give")}
              </Button>
            ) : null,
        },
      ]}
    />
  );
}
