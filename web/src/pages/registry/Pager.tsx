// Pages forward by the server's cursor; back through the browser's own history, to the first page at once.
import { LeftOutlined, RightOutlined, VerticalRightOutlined } from "@ant-design/icons";
import { Button, Select } from "antd";
import { useNavigate } from "react-router-dom";
import { useI18n } from "../../i18n";
import { changeList, LIMITS, type ListState } from "../../lib/liststate";

interface Props {
  state: ListState;
  next: string | null;
  total: number | undefined;
  shown: number;
  onChange: (s: ListState) => void;
}

export function Pager({ state, next, total, shown, onChange }: Props) {
  const { t } = useI18n();
  const go = useNavigate();
  const first = (state.page - 1) * state.limit + 1;
  // idx is the router's own count of steps: 0 means that this page was opened from outside.
  const stepped = ((window.history.state as { idx?: number } | null)?.idx ?? 0) > 0;
  return (
    <nav className="pager" aria-label={t("pager.label")}>
      <Button icon={<VerticalRightOutlined aria-hidden />} disabled={!state.cursor} onClick={() => onChange(changeList(state, {}))}>
        {t("pager.first")}
      </Button>
      <Button icon={<LeftOutlined aria-hidden />} disabled={!state.cursor || !stepped} onClick={() => go(-1)}>
        {t("pager.back")}
      </Button>
      <span>{shown > 0 && t("pager.range", { from: first, to: first + shown - 1, n: total ?? "…" })}</span>
      <Button
        icon={<RightOutlined aria-hidden />}
        iconPosition="end"
        disabled={!next}
        onClick={() => next && onChange({ ...state, cursor: next, page: state.page + 1 })}
      >
        {t("pager.next")}
      </Button>
      <Select
        aria-label={t("pager.size")}
        value={state.limit}
        options={LIMITS.map((n) => ({ value: n, label: t("pager.rows", { n }) }))}
        onChange={(limit: number) => onChange(changeList(state, { limit }))}
      />
    </nav>
  );
}
