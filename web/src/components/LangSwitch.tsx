import { Segmented } from "antd";
import { useI18n } from "../i18n";
import type { Lang } from "../i18n/translate";

/** Each language is named in itself, so that a reader who knows only one finds it. */
export function LangSwitch() {
  const { lang, setLang, t } = useI18n();
  return (
    <Segmented<Lang>
      aria-label={t("shell.language")}
      value={lang}
      onChange={setLang}
      options={[
        { value: "vi", label: t("lang.vi") },
        { value: "en", label: t("lang.en") },
      ]}
    />
  );
}
