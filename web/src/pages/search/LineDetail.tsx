import { FilterOutlined, StopOutlined } from "@ant-design/icons";
import { Button, Tabs } from "antd";
import { Link } from "react-router-dom";
import type { LogEvent } from "../../api/events";
import { Copy } from "../../components/Copy";
import { useI18n } from "../../i18n";
import { bytesOf, hexDump, visible } from "../../lib/bytes";
import { Context } from "./Context";
import { contextQuery } from "./contextQuery";

interface Props {
  e: LogEvent;
  onTerm?: (field: string, value: string, negate?: boolean) => void;
}

const FIELDS = ["relay", "source", "host", "program", "pid", "severity", "facility", "transport", "format"] as const;

function FieldList({ e, onTerm }: Props) {
  const { t, fmt, word } = useI18n();
  return (
    <dl className="data">
      <div>
        <dt>{t("line.seq")}</dt>
        <dd>{fmt.number(e.seq)}</dd>
      </div>
      <div>
        <dt>{t("line.received")}</dt>
        <dd>{fmt.time(e.received_at, true)}</dd>
      </div>
      <div>
        <dt>{t("line.event_at")}</dt>
        <dd>{e.event_at ? fmt.time(e.event_at, true) : t("line.no_time")}</dd>
      </div>
      {FIELDS.filter((f) => e[f] !== null && e[f] !== undefined && e[f] !== "").map((f) => (
        <div key={f}>
          <dt>{word("log_field", f)}</dt>
          <dd>
            {String(e[f])}
            {onTerm && (
              <>
                <Button type="text" icon={<FilterOutlined aria-hidden />} aria-label={t("line.only", { field: f })} title={t("line.only", { field: f })} onClick={() => onTerm(f, String(e[f]))} />
                <Button type="text" icon={<StopOutlined aria-hidden />} aria-label={t("line.without", { field: f })} title={t("line.without", { field: f })} onClick={() => onTerm(f, String(e[f]), true)} />
              </>
            )}
          </dd>
        </div>
      ))}
      {!!e.flags?.length && (
        <div>
          <dt>{t("line.flags")}</dt>
          <dd>{e.flags.map((f) => word("flag", f)).join(", ")}</dd>
        </div>
      )}
    </dl>
  );
}

export function LineDetail({ e, onTerm }: Props) {
  const { t, fmt } = useI18n();
  const bytes = bytesOf(e.raw, e.raw_base64);
  return (
    <Tabs
      items={[
        {
          key: "fields",
          label: t("line.fields"),
          children: (
            <>
              <pre className="line">{visible(e.raw)}</pre>
              <FieldList e={e} onTerm={onTerm} />
            </>
          ),
        },
        {
          key: "raw",
          label: t("line.raw", { n: bytes.length }),
          children: (
            <>
              <p className="actions">
                <span className="quiet">{e.raw_base64 ? t("line.not_utf8") : t("line.exact")}</span>
                <Copy text={e.raw} />
              </p>
              <pre className="hex">{hexDump(bytes)}</pre>
              {bytes.length > 4096 && <p className="quiet">{t("line.hex_cut", { n: fmt.number(bytes.length) })}</p>}
            </>
          ),
        },
        { key: "context", label: t("line.context"), children: <Context e={e} /> },
        {
          key: "link",
          label: t("line.link"),
          children: <Link to={`/search?q=${encodeURIComponent(contextQuery(e))}&mark=${e.seq}`}>{t("line.link_do")}</Link>,
        },
      ]}
      destroyOnHidden
    />
  );
}
