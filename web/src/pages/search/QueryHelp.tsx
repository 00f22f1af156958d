import { Button, Table } from "antd";
import type { QueryField } from "../../api/events";
import { useI18n } from "../../i18n";
import type { Key } from "../../i18n/translate";

const EXAMPLES: [string, Key][] = [
  ['"Failed password" since:-2h', "qhelp.phrase"],
  ["program:sshd AND NOT host:web-1", "qhelp.logic"],
  ["(sshd OR sudo) severity:<=warning", "qhelp.range"],
  ["host:web-*", "qhelp.wild"],
  ["since:2026-01-01 until:2026-01-02", "qhelp.time"],
  ["program:sshd since:-24h | count by host", "qhelp.count"],
];
const FLOW_EXAMPLES: [string, Key][] = [
  ["src:10.8.0.0/16 dst_port:443", "qhelp.flow_net"],
  ["proto:udp NOT dst_port:53", "qhelp.logic"],
  ["bytes:>1000000 since:-24h", "qhelp.flow_size"],
  ["dst_port:1..1023", "qhelp.flow_range"],
];
const SHOWN_VALUES = 10;

export function QueryHelp({ fields, source, onInsert }: { fields: QueryField[]; source?: string; onInsert: (field: string, value?: string) => void }) {
  const { t, label } = useI18n();
  return (
    <div className="query-help">
      <div>
        <h3>{t("qhelp.examples")}</h3>
        <dl className="examples">
          {(source ? FLOW_EXAMPLES : EXAMPLES).map(([q, key]) => (
            <div key={q}>
              <dt>
                <code>{q}</code>
              </dt>
              <dd>{t(key)}</dd>
            </div>
          ))}
        </dl>
      </div>
      <div>
        <h3>{t("qhelp.fields")}</h3>
        <Table<QueryField>
          rowKey="name"
          dataSource={fields}
          pagination={false}
          scroll={{ y: 220 }}
          columns={[
            {
              title: t("qhelp.field"),
              width: 110,
              render: (_, f) => (
                <Button type="link" className="mono" onClick={() => onInsert(f.name)}>
                  {f.name}
                </Button>
              ),
            },
            { title: t("qhelp.meaning"), render: (_, f) => label(f.label) },
            {
              title: t("qhelp.values"),
              render: (_, f) =>
                (f.values ?? []).slice(0, SHOWN_VALUES).map((v) => (
                  <Button key={v} type="link" className="mono" onClick={() => onInsert(f.name, v)}>
                    {v}
                  </Button>
                )),
            },
          ]}
        />
      </div>
    </div>
  );
}
