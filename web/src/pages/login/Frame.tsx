import type { ReactNode } from "react";
import { LangSwitch } from "../../components/LangSwitch";
import { useTitle } from "../../hooks/title";
import { useI18n } from "../../i18n";

export function Frame({ title, children }: { title: string; children: ReactNode }) {
  const { t } = useI18n();
  useTitle(title);
  return (
    <main className="alone">
      <div className="alone-head">
        <span className="brand">
          <img src="/favicon.svg" alt="" width={28} height={28} />
          {t("app.name")}
        </span>
        <span className="grow" />
        <LangSwitch />
      </div>
      <h1>{title}</h1>
      {children}
    </main>
  );
}
