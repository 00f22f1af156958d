import { CheckCircleFilled, WarningFilled } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Table } from "antd";
import { Link } from "react-router-dom";
import { getSources, type Source } from "../../api/events";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { RefLink } from "../../components/RefLink";
import { useI18n } from "../../i18n";
import { term } from "../../lib/querytext";

export function SourcesTab() {
  const { t, fmt } = useI18n();
  const query = useQuery({ queryKey: ["sources"], queryFn: getSources, refetchInterval: 15000 });
  return (
    <Loaded query={query}>
      {({ items }) => (
        <Table<Source>
          rowKey={(s) => `${s.name} ${s.host ?? ""}`}
          dataSource={items}
          pagination={{ pageSize: 100, hideOnSinglePage: true, showSizeChanger: false }}
          locale={{ emptyText: <EmptyState what={t("today.no_sources")} next={<Link to="/registry/log_source/new">{t("source.add")}</Link>} /> }}
          columns={[
            {
              title: t("source.state"),
              width: 120,
              render: (_, s) =>
                s.silent ? (
                  <span className="mark bad">
                    <WarningFilled aria-hidden /> {t("source.silent")}
                  </span>
                ) : (
                  <span className="mark good">
                    <CheckCircleFilled aria-hidden /> {t("source.heard")}
                  </span>
                ),
            },
            { title: t("source.name"), dataIndex: "name" },
            {
              title: t("line.host"),
              render: (_, s) => (s.host ? <Link to={`/search?q=${encodeURIComponent(`${term("host", s.host)} since:-24h`)}`}>{s.host}</Link> : s.address),
            },
            { title: t("source.address"), dataIndex: "address" },
            { title: t("finding.unit"), render: (_, s) => <RefLink kind="unit" value={s.unit} /> },
            { title: t("source.last_head"), width: 164, render: (_, s) => <time>{s.last_seen_at ? fmt.time(s.last_seen_at) : t("source.never")}</time> },
            { title: t("source.every_head"), width: 110, render: (_, s) => fmt.isoSpan(s.expected_every) || "–" },
            { title: t("source.day"), width: 110, align: "right", render: (_, s) => fmt.number(s.events_24h) },
          ]}
        />
      )}
    </Loaded>
  );
}
