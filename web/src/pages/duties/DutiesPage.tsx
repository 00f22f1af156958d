import { CalendarOutlined, UnorderedListOutlined } from "@ant-design/icons";
import { useQuery } from "@tanstack/react-query";
import { Input, Segmented, Select } from "antd";
import { getDuties, type Duty } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page, Panel } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import { matches } from "../../lib/fold";
import { DutyCalendar } from "./DutyCalendar";
import { DutyTable } from "./DutyTable";

const dutyText = (d: Duty) =>
  [d.id, d.period_key, d.title.vi, d.title.en, d.unit?.key, d.unit?.title, d.note, ...d.clauses].filter(Boolean).join(" ");

const ORDER = ["late", "due", "soon", "later", "done"];

export default function DutiesPage() {
  const { t, word } = useI18n();
  const [params, set] = useParamState();
  const view = params.get("view") === "calendar" ? "calendar" : "list";
  const state = params.get("state") ?? "";
  const words = params.get("q") ?? "";
  const query = useQuery({ queryKey: ["duties"], queryFn: getDuties });
  return (
    <Page
      title={t("nav.duties")}
      answer={query.data && <Answer items={query.data.items} />}
      actions={
        <Segmented
          aria-label={t("duty.view")}
          value={view}
          onChange={(v) => set({ view: v === "list" ? null : v })}
          options={[
            { value: "list", label: t("duty.list"), icon: <UnorderedListOutlined aria-hidden /> },
            { value: "calendar", label: t("duty.calendar"), icon: <CalendarOutlined aria-hidden /> },
          ]}
        />
      }
    >
      <Loaded query={query}>
        {({ items }) => {
          if (!items.length) return <EmptyState what={t("duty.none")} next={t("duty.none_do")} />;
          const shown = items.filter((d) => (!state || d.state === state) && matches(dutyText(d), words));
          return (
            <>
              <div className="filters">
                <Select
                  aria-label={t("duty.state")}
                  placeholder={t("duty.state")}
                  allowClear
                  style={{ width: 170 }}
                  value={state || null}
                  onChange={(v: string | null) => set({ state: v })}
                  options={ORDER.map((s) => ({ value: s, label: word("duty_state", s) }))}
                />
                <Input
                  allowClear
                  style={{ width: 300 }}
                  aria-label={t("duty.find")}
                  placeholder={t("duty.find")}
                  value={words}
                  onChange={(e) => set({ q: e.target.value }, true)}
                />
              </div>
              {view === "calendar" ? <DutyCalendar items={shown} /> : <Groups items={shown} />}
              {!shown.length && <EmptyState what={t("duty.none_match")} next={t("findings.none_do")} />}
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}

function Answer({ items }: { items: Duty[] }) {
  const { t, fmt, label } = useI18n();
  const open = items.filter((d) => d.state !== "done").sort((a, b) => a.due_on.localeCompare(b.due_on));
  const late = open.filter((d) => d.state === "late");
  if (late.length) return <>{t("duty.answer_late", { n: late.length, what: label(late[0].title), date: fmt.date(late[0].due_on) })}</>;
  if (open.length) return <>{t("duty.answer_next", { what: label(open[0].title), date: fmt.date(open[0].due_on) })}</>;
  return <>{t("duty.answer_done")}</>;
}

function Groups({ items }: { items: Duty[] }) {
  const { word } = useI18n();
  return (
    <>
      {ORDER.map((s) => {
        const own = items.filter((d) => d.state === s).sort((a, b) => a.due_on.localeCompare(b.due_on));
        return own.length ? (
          <Panel key={s} title={`${word("duty_state", s)} (${own.length})`}>
            <DutyTable items={own} />
          </Panel>
        ) : null;
      })}
    </>
  );
}
