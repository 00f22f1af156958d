import { useQuery } from "@tanstack/react-query";
import { Breadcrumb } from "antd";
import { Link, useSearchParams } from "react-router-dom";
import { getClause, type ClauseDetail } from "../../api/judged";
import { ControlTable } from "../../components/ControlTable";
import { EmptyState } from "../../components/EmptyState";
import { FindingTable } from "../../components/FindingTable";
import { Loaded } from "../../components/Loaded";
import { Page, Panel } from "../../components/Page";
import { CheckState } from "../../components/States";
import { useI18n } from "../../i18n";
import { DutyTable } from "../duties/DutyTable";
import { clausePath } from "../../lib/paths";

export default function ClausePage() {
  const id = useSearchParams()[0].get("id") ?? "";
  const { t, label, word } = useI18n();
  const query = useQuery({ queryKey: ["clauses", id], queryFn: () => getClause(id) });
  const c = query.data;
  const code = id.split("-")[0];
  return (
    <Page
      title={c ? `${c.id} · ${label(c.title) || c.number}` : id}
      above={
        <Breadcrumb
          items={[
            { title: <Link to="/clauses">{t("nav.clauses")}</Link> },
            { title: <Link to={`/clauses?text=${encodeURIComponent(code)}`}>{code}</Link> },
            { title: c?.number ?? id },
          ]}
        />
      }
      answer={c && (c.operative ? t("clauses.one_answer", { state: word("check_state", c.state), n: c.open_findings }) : t("clauses.not_operative"))}
      actions={c?.operative && <CheckState value={c.state} />}
    >
      <Loaded query={query}>{(data) => <Body c={data} />}</Loaded>
    </Page>
  );
}

function Body({ c }: { c: ClauseDetail }) {
  const { t, label } = useI18n();
  return (
    <>
      <Panel title={t("clauses.sentence")}>
        <p>{label(c.text) || label(c.title)}</p>
        {!!c.children?.length && (
          <ul className="rows">
            {c.children.map((x) => (
              <li key={x.id}>
                <Link to={clausePath(x.id)} className="clause">
                  {x.id}
                </Link>{" "}
                {label(x.title) || label(x.text)} {x.operative && <CheckState value={x.state} />}
              </li>
            ))}
          </ul>
        )}
      </Panel>
      <Panel title={t("clauses.controls")}>
        {c.controls.length ? <ControlTable items={c.controls} /> : <EmptyState what={t("clauses.no_control")} next={t("clauses.no_control_do")} />}
      </Panel>
      {c.findings.length > 0 && (
        <Panel title={t("clauses.open_findings")} extra={<Link to={`/findings?clause=${encodeURIComponent(c.id)}&state=any`}>{t("clauses.all_findings")}</Link>}>
          <FindingTable items={c.findings} hide={["clauses", "first"]} />
        </Panel>
      )}
      {c.duties.length > 0 && (
        <Panel title={t("nav.duties")}>
          <DutyTable items={c.duties} />
        </Panel>
      )}
    </>
  );
}
