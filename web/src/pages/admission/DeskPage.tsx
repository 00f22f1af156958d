// Who waits to be let in, one column a state of the way there; a record opens beside them.
import { PlusOutlined } from "@ant-design/icons";
import { useQueries, type UseQueryResult } from "@tanstack/react-query";
import { Input } from "antd";
import { useDeferredValue, useEffect, useRef } from "react";
import { Link } from "react-router-dom";
import type { Rec } from "../../api/registry";
import type { Page as PageOf } from "../../api/types";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { Page } from "../../components/Page";
import { useParamState } from "../../hooks/params";
import { useSchema } from "../../hooks/schema";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { deskOf, type Desk } from "../../lib/admission";
import { cardsOf, DeskColumn } from "./DeskColumn";
import { moveAmongCards } from "./keys";
import { DeskRecord } from "./DeskRecord";

export default function DeskPage() {
  const { t } = useI18n();
  const schema = useSchema();
  return (
    <Loaded query={schema}>
      {(s) => {
        const desk = deskOf(s);
        if (desk) return <Waiting desk={desk} />;
        return (
          <Page title={t("nav.admission")}>
            <EmptyState what={t("admission.no_desk")} next={t("admission.no_desk_do")} />
          </Page>
        );
      }}
    </Loaded>
  );
}

function Waiting({ desk }: { desk: Desk }) {
  const { t, label } = useI18n();
  const [params, set] = useParamState();
  const may = useRole("operator", "unit_officer");
  const words = useDeferredValue(params.get("q") ?? "");
  const open = params.get("record");
  const lists = useQueries({
    queries: desk.waiting.map((state) => ({
      queryKey: ["desk", desk.kind.name, state, words],
      queryFn: () => cardsOf(desk, state, words),
    })),
  });
  // Closed by Esc or a click: the keyboard goes on at the card that was open.
  const before = useRef(open);
  useEffect(() => {
    if (!open && before.current) document.querySelector<HTMLElement>(`[data-card="${CSS.escape(before.current)}"]`)?.focus();
    before.current = open;
  }, [open]);
  const known = lists.every((l) => l.data);
  const total = lists.reduce((n, l) => n + (l.data?.total ?? 0), 0);
  return (
    <Page
      title={t("nav.admission")}
      answer={known && <Answer desk={desk} lists={lists} total={total} />}
      actions={
        may && (
          <Link className="button primary" to={`/registry/${desk.kind.name}/new`}>
            <PlusOutlined aria-hidden /> {t("admission.declare")}
          </Link>
        )
      }
    >
      <div className="filters">
        <Input
          allowClear
          style={{ width: 300 }}
          aria-label={t("admission.find")}
          placeholder={t("admission.find")}
          value={params.get("q") ?? ""}
          onChange={(e) => set({ q: e.target.value }, true)}
        />
      </div>
      {known && total === 0 ? (
        <EmptyState what={words ? t("admission.none_match") : t("admission.none")} next={words ? t("admission.none_match_do") : t("admission.none_do", { kind: label(desk.kind.label) })} />
      ) : (
        <div className="desk" onKeyDown={moveAmongCards}>
          {desk.waiting.map((state, i) => (
            <DeskColumn key={state} desk={desk} state={state} words={words} query={lists[i]} open={open} onOpen={(id) => set({ record: id })} />
          ))}
        </div>
      )}
      {open && <DeskRecord desk={desk} id={open} onClose={() => set({ record: null })} />}
    </Page>
  );
}

function Answer({ desk, lists, total }: { desk: Desk; lists: UseQueryResult<PageOf<Rec>>[]; total: number }) {
  const { t, label, fmt } = useI18n();
  const word = (state: string) => label(desk.kind.states?.find((s) => s.value === state)?.label) || state;
  if (!total) return <>{t("admission.answer_none")}</>;
  const parts = desk.waiting.map((s, i) => `${word(s).toLocaleLowerCase()} ${fmt.number(lists[i].data?.total ?? 0)}`);
  return <>{t("admission.answer", { n: total, parts: parts.join(", ") })}</>;
}
