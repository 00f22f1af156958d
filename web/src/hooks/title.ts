import { useEffect } from "react";
import { useI18n } from "../i18n";

/** The tab's title says the page; the product's name follows. */
export function useTitle(title: string): void {
  const { t } = useI18n();
  useEffect(() => {
    document.title = title ? `${title} · ${t("app.name")}` : t("app.name");
  }, [title, t]);
}
