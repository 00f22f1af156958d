import { useQuery } from "@tanstack/react-query";
import { Descriptions, Input, Segmented, Select } from "antd";
import { getClauses, type Regulation } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";
import { ClauseTree } from "./ClauseTree";
import { tally } from "./tree";

const STATES = ["fail", "unknown", "pass", "not_applicable", "none"];

export default function ClausesPage() {
  const { t } = useI18n();
  const query = useQuery({ queryKey: ["clauses"], queryFn: getClauses });
  return (
    <Page title={t("nav.clauses")} answer={query.data && <Answer all={query.data.regulations} />}>
      <Loaded query={query}>
        {({ regulations }) =>
          regulations.length ? <Regulations all={regulations} /> : <EmptyState what={t("clauses.no_packs")} next={t("clauses.no_packs_do")} />
        }
      </Loaded>
    </Page>
  );
}

function Answer({ all }: { all: Regulation[] }) {
  const { t } = useI18n();
  const sum = (f: (r: Regulation) => number) => all.reduce((n, r) => n + f(r), 0);
  const failing = sum((r) => tally(r.clauses).fail ?? 0);
  return <>{t("clauses.answer", { n: failing, texts: all.length, covered: sum((r) => r.coverage.covered), clauses: sum((r) => r.coverage.clauses) })}</>;
}

function Regulations({ all }: { all: Regulation[] }) {
  const { t, word, label } = useI18n();
  const [params, set] = useParamState();
  const chosen = all.find((r) => r.code === params.get("text")) ?? all[0];
  return (
    <>
      <div className="filters">
        <Segmented
          aria-label={t("clauses.text")}
          value={chosen.code}
          onChange={(v) => set({ text: v })}
          options={all.map((r) => ({ value: r.code, label: r.number ? `${r.code} · ${r.number}` : r.code, title: label(r.title) }))}
        />
        <Select
          aria-label={t("clauses.state")}
          placeholder={t("clauses.state")}
          allowClear
          style={{ width: 170 }}
          value={params.get("state")}
          onChange={(v: string | null) => set({ state: v })}
          options={STATES.map((s) => ({ value: s, label: word("check_state", s) }))}
        />
        <Input
          allowClear
          style={{ width: 260 }}
          aria-label={t("clauses.find")}
          placeholder={t("clauses.find")}
          value={params.get("q") ?? ""}
          onChange={(e) => set({ q: e.target.value }, true)}
        />
      </div>
      <RegulationView key={chosen.code} of={chosen} state={params.get("state") ?? ""} words={params.get("q") ?? ""} />
    </>
  );
}

function RegulationView({ of, state, words }: { of: Regulation; state: string; words: string }) {
  const { t, label, fmt } = useI18n();
  return (
    <>
      <h2 className="law-title">{label(of.title)}</h2>
      <Descriptions
        column={{ xs: 1, md: 2, xl: 4 }}
        items={[
          { key: "number", label: t("clauses.number"), children: of.number || "–" },
          { key: "issued", label: t("clauses.issued"), children: fmt.date(of.issued_on) },
          { key: "binds", label: t("clauses.binds"), children: label(of.binds) },
          {
            key: "coverage",
            label: t("clauses.coverage"),
            children: t("clauses.covered", { covered: of.coverage.covered, clauses: of.coverage.clauses, percent: fmt.percent(of.coverage.covered, of.coverage.clauses) }),
          },
        ]}
      />
      <ClauseTree clauses={of.clauses} state={state} words={words} />
    </>
  );
}
