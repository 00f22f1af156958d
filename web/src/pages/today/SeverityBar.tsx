import { Link } from "react-router-dom";
import { SEVERITIES, Severity } from "../../components/Severity";
import { useI18n } from "../../i18n";

export function SeverityBar({ open, by }: { open: number; by: Record<string, number> }) {
  const { t, fmt } = useI18n();
  return (
    <div className="tiles">
      <Link className="tile" to="/findings">
        <span className="figure">{fmt.number(open)}</span>
        <span>{t("today.open")}</span>
      </Link>
      {SEVERITIES.map((s) => (
        <Link key={s} className="tile" to={`/findings?severity=${s}`}>
          <span className="figure">{fmt.number(by[s] ?? 0)}</span>
          <Severity value={s} />
        </Link>
      ))}
    </div>
  );
}
