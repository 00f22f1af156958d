import { Descriptions } from "antd";
import type { Kind, Rec } from "../../api/registry";
import { ClauseTags } from "../../components/ClauseTags";
import { SYSTEM_FIELDS } from "../../hooks/schema";
import { useI18n } from "../../i18n";
import { Value } from "./Value";

export function FieldsView({ kind, rec }: { kind: Kind; rec: Rec }) {
  const { t, label, word } = useI18n();
  const system = SYSTEM_FIELDS.filter((f) => f !== "state" && rec[f] !== null && rec[f] !== undefined);
  return (
    <>
      <Descriptions
        bordered
        column={{ xs: 1, md: 1, lg: 2 }}
        items={kind.fields.map((f) => ({
          key: f.name,
          label: (
            <span title={label(f.help) || undefined}>
              {label(f.label)} {f.personal && <span className="quiet">{t("record.personal")}</span>}
            </span>
          ),
          children: (
            <span className="field-value">
              <Value kind={kind} name={f.name} value={rec[f.name]} id={rec.id} />
              <ClauseTags ids={f.clauses} />
            </span>
          ),
        }))}
      />
      <p className="quiet">
        {system.map((f, i) => (
          <span key={f}>
            {i > 0 && " · "}
            {word("field", f)}: <Value kind={kind} name={f} value={rec[f]} />
          </span>
        ))}
      </p>
    </>
  );
}
