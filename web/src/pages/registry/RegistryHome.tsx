import { Input } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import type { Counts, Kind } from "../../api/registry";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page, Panel } from "../../components/Page";
import { useCounts, useSchema } from "../../hooks/schema";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { matches } from "../../lib/fold";

export default function RegistryHome() {
  const { t, label } = useI18n();
  const [words, setWords] = useState("");
  const may = useRole("operator", "unit_officer");
  const schema = useSchema();
  const counts = useCounts();
  const total = Object.values(counts.data ?? {}).reduce((n, c) => n + c.total, 0);
  const answer = counts.data && schema.data ? t("registry.answer", { n: total, kinds: schema.data.kinds.length }) : undefined;

  return (
    <Page title={t("nav.registry")} answer={answer} actions={may && <Link to="/registry/import" className="button">{t("import.title_many")}</Link>}>
      <div className="filters">
        <Input allowClear autoFocus style={{ width: 280 }} value={words} onChange={(e) => setWords(e.target.value)} placeholder={t("registry.find_kind")} aria-label={t("registry.find_kind")} />
      </div>
      <Loaded query={schema}>
        {({ groups, kinds }) => {
          const shown = kinds.filter((k) => matches(`${k.name} ${label(k.label)} ${label(k.help)}`, words));
          if (!shown.length) return <EmptyState what={t("registry.no_kind")} next={t("registry.no_kind_do")} />;
          return (
            <div className="kinds">
              {groups.map((g) => {
                const own = shown.filter((k) => k.group === g.name);
                return own.length ? (
                  <Panel key={g.name} title={label(g.label)}>
                    <ul className="rows">
                      {own.map((k) => (
                        <KindRow key={k.name} kind={k} counts={counts.data} />
                      ))}
                    </ul>
                  </Panel>
                ) : null;
              })}
            </div>
          );
        }}
      </Loaded>
    </Page>
  );
}

function KindRow({ kind, counts }: { kind: Kind; counts: Counts | undefined }) {
  const { label, fmt } = useI18n();
  const own = counts?.[kind.name];
  const states = Object.entries(own?.by_state ?? {}).filter(([, n]) => n > 0);
  const word = (s: string) => label(kind.states?.find((x) => x.value === s)?.label) || s;
  return (
    <li className="kind">
      <Link to={`/registry/${kind.name}`}>{label(kind.label)}</Link>
      <strong className="kind-n">{fmt.number(own?.total ?? 0)}</strong>
      <div className="quiet">
        {states.length > 1
          ? states.map(([s, n]) => `${word(s)} ${fmt.number(n)}`).join(" · ")
          : label(kind.help)}
      </div>
    </li>
  );
}
