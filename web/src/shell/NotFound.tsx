import { Link } from "react-router-dom";
import { EmptyState } from "../components/EmptyState";
import { useI18n } from "../i18n";

export function NotFound() {
  const { t } = useI18n();
  return <EmptyState what={t("shell.not_found")} next={<Link to="/">{t("nav.today")}</Link>} />;
}
