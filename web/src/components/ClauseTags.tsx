import { Link } from "react-router-dom";
import { useI18n } from "../i18n";
import { clausePath } from "../lib/paths";

/** Clause ids as links: the way from anything to the text behind it. */
export function ClauseTags({ ids }: { ids: string[] | undefined | null }) {
  const { t } = useI18n();
  if (!ids?.length) return null;
  return (
    <span className="clauses">
      {ids.map((id) => (
        <Link key={id} to={clausePath(id)} className="clause" title={t("clauses.open_clause", { id })}>
          {id}
        </Link>
      ))}
    </span>
  );
}
