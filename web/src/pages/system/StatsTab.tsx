import { SafetyCertificateOutlined } from "@ant-design/icons";
import { useMutation } from "@tanstack/react-query";
import { Alert, Button, Descriptions } from "antd";
import { verifyRegistry } from "../../api/service";
import { Loaded } from "../../components/Loaded";
import { Panel } from "../../components/Page";
import { ProblemView } from "../../components/ProblemView";
import { useRole, WIDE } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { useStats } from "./SystemAnswer";

/** Nested counters as "outer.inner". */
export function flatten(o: Record<string, unknown>, prefix = ""): [string, string | number | boolean][] {
  return Object.entries(o).flatMap(([k, v]): [string, string | number | boolean][] => {
    if (v && typeof v === "object" && !Array.isArray(v)) return flatten(v as Record<string, unknown>, `${prefix}${k}.`);
    return typeof v === "number" || typeof v === "string" || typeof v === "boolean" ? [[prefix + k, v]] : [];
  });
}

export function StatsTab() {
  const { t, fmt } = useI18n();
  const wide = useRole(...WIDE);
  return (
    <Loaded query={useStats()}>
      {(s) => (
        <>
          <Panel title={t("system.journal")}>
            <Descriptions
              bordered
              column={{ xs: 1, md: 2, xl: 3 }}
              items={[
                { key: "events", label: t("system.events"), children: fmt.number(s.journal.events) },
                { key: "raw", label: t("system.raw"), children: fmt.bytes(s.journal.raw_bytes) },
                {
                  key: "disk",
                  label: t("system.disk"),
                  children: t("system.ratio", {
                    bytes: fmt.bytes(s.journal.disk_bytes),
                    ratio: s.journal.disk_bytes ? fmt.number(s.journal.raw_bytes / s.journal.disk_bytes, 1) : "–",
                  }),
                },
                { key: "segments", label: t("system.segments"), children: fmt.number(s.journal.segments) },
                { key: "first", label: t("system.first"), children: fmt.time(s.journal.first_at) || "–" },
                { key: "last", label: t("system.last"), children: fmt.time(s.journal.last_at) || "–" },
              ]}
            />
          </Panel>
          <Panel title={t("system.service")}>
            <Descriptions
              bordered
              column={{ xs: 1, md: 2, xl: 3 }}
              items={[
                { key: "version", label: t("system.version"), children: s.version },
                { key: "started", label: t("system.started"), children: fmt.time(s.started_at) },
                { key: "rss", label: t("system.rss"), children: fmt.bytes(s.rss_bytes) },
                { key: "records", label: t("system.records"), children: fmt.number(s.registry.records) },
                { key: "history", label: t("system.history"), children: fmt.number(s.registry.history) || "–" },
                ...(wide ? [{ key: "verify", label: t("system.verify"), children: <Verify /> }] : []),
              ]}
            />
          </Panel>
          <div className="pair">
            <Counters title={t("system.intake")} of={s.intake} />
            <Counters title={t("system.judge")} of={s.judge} />
          </div>
          {s.archive && Object.keys(s.archive).length > 0 && <Counters title={t("system.archive")} of={s.archive} />}
          {(["relays", "forward"] as const).map((g) => Object.keys(s[g] ?? {}).length > 0 && <Counters key={g} title={t(`system.${g}`)} of={s[g] ?? {}} prefix={`${g}.`} />)}
        </>
      )}
    </Loaded>
  );
}

/** prefix: before the names of a group whose counters are called as another's. */
function Counters({ title, of, prefix = "" }: { title: string; of: Record<string, unknown>; prefix?: string }) {
  const { fmt, word } = useI18n();
  return (
    <Panel title={title}>
      <dl className="counters">
        {flatten(of).map(([name, v]) => (
          <div key={name}>
            <dt title={name}>{word("counter", prefix + name)}</dt>
            <dd className={/^(drop|missing)/.test(name) && v !== 0 ? "mark bad" : ""}>{typeof v === "number" ? fmt.number(v, 1) : String(v)}</dd>
          </div>
        ))}
      </dl>
    </Panel>
  );
}

function Verify() {
  const { t } = useI18n();
  const run = useMutation({ mutationFn: verifyRegistry });
  return (
    <>
      <Button icon={<SafetyCertificateOutlined aria-hidden />} loading={run.isPending} onClick={() => run.mutate()}>
        {t("system.verify_do")}
      </Button>
      {run.error && <ProblemView error={run.error} />}
      {run.data &&
        (run.data.bad_seq ? (
          <Alert type="error" showIcon message={t("system.verify_bad", { seq: String(run.data.bad_seq) })} />
        ) : (
          <Alert type="success" showIcon message={t("system.verify_good", { n: run.data.rows })} />
        ))}
    </>
  );
}
