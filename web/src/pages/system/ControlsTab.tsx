import { PlayCircleOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Button } from "antd";
import { getControls, runControls } from "../../api/judged";
import { ControlTable } from "../../components/ControlTable";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { ProblemView } from "../../components/ProblemView";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";

const ORDER = ["fail", "unknown", "pass", "not_applicable", "none"];

export function ControlsTab() {
  const { t } = useI18n();
  const client = useQueryClient();
  const may = useRole("operator");
  const query = useQuery({ queryKey: ["controls"], queryFn: getControls });
  const run = useMutation({ mutationFn: () => runControls(), onSuccess: () => client.invalidateQueries() });
  return (
    <>
      {may && (
        <p className="actions">
          <Button icon={<PlayCircleOutlined aria-hidden />} loading={run.isPending} onClick={() => run.mutate()}>
            {t("control.run")}
          </Button>
          <span className="quiet">{t("control.run_help")}</span>
        </p>
      )}
      {run.error && <ProblemView error={run.error} />}
      <Loaded query={query}>
        {({ items }) =>
          items.length ? (
            <ControlTable items={[...items].sort((a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state))} table={{ sticky: true }} />
          ) : (
            <EmptyState what={t("clauses.no_packs")} next={t("clauses.no_packs_do")} />
          )
        }
      </Loaded>
    </>
  );
}
