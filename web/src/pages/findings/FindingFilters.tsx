import { Input, Segmented, Select, Tag } from "antd";
import { useEffect, useState } from "react";
import { RefSelect } from "../../components/RefSelect";
import { SEVERITIES } from "../../components/Severity";
import { useParamState } from "../../hooks/params";
import { useI18n } from "../../i18n";

export const FILTERS = ["severity", "clause", "control", "unit", "q"] as const;
const STATES = ["living", "open", "acknowledged", "in_remedy", "closed", "any"];

export function FindingFilters({ state }: { state: string }) {
  const { t, word } = useI18n();
  const [params, set] = useParamState();
  const q = params.get("q") ?? "";
  const [words, setWords] = useState(q);
  useEffect(() => setWords(q), [q]);
  const chips = FILTERS.filter((f) => params.get(f));

  return (
    <div className="filters">
      <Segmented
        aria-label={t("finding.state")}
        value={state}
        onChange={(v) => set({ state: v === "living" ? null : v })}
        options={STATES.map((s) => ({ value: s, label: s === "any" ? t("findings.any_state") : word("finding_state", s) }))}
      />
      <Select
        aria-label={t("finding.severity")}
        placeholder={t("finding.severity")}
        value={params.get("severity")}
        allowClear
        style={{ width: 150 }}
        onChange={(v: string | null) => set({ severity: v })}
        options={SEVERITIES.map((s) => ({ value: s, label: word("severity", s) }))}
      />
      <RefSelect
        kind="unit"
        by="key"
        label={t("finding.unit")}
        value={params.get("unit")}
        onChange={(v) => set({ unit: v === null ? null : String(v) })}
        width={220}
      />
      <Input.Search
        enterButton={t("search.do")}
        aria-label={t("findings.find")}
        placeholder={t("findings.find")}
        value={words}
        allowClear
        onChange={(e) => setWords(e.target.value)}
        onSearch={(v) => set({ q: v.trim() })}
        style={{ width: 240 }}
      />
      {chips.map((f) => (
        <Tag key={f} closable closeIcon={<span aria-label={t("filter.remove")}>×</span>} onClose={() => set({ [f]: null })}>
          {t(`findings.by_${f}`)}: {f === "severity" ? word("severity", params.get(f)) : params.get(f)}
        </Tag>
      ))}
    </div>
  );
}
