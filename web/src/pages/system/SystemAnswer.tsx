import { useQuery } from "@tanstack/react-query";
import { getStats } from "../../api/service";
import { useI18n } from "../../i18n";

export const useStats = () => useQuery({ queryKey: ["stats"], queryFn: getStats, refetchInterval: 5000 });

export function SystemAnswer() {
  const { t, fmt } = useI18n();
  const { data } = useStats();
  if (!data) return null;
  return (
    <>
      {data.journal.full
        ? t("system.answer_full")
        : t("system.answer", { version: data.version, up: fmt.span(data.uptime_s), events: data.journal.events, disk: fmt.bytes(data.journal.disk_bytes) })}
    </>
  );
}
