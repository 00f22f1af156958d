import { Button, Tree, type TreeDataNode } from "antd";
import { useMemo, useState, type Key } from "react";
import { Link } from "react-router-dom";
import type { Clause } from "../../api/judged";
import { EmptyState } from "../../components/EmptyState";
import { CheckState } from "../../components/States";
import { useI18n } from "../../i18n";
import { matches } from "../../lib/fold";
import { clauseText, ids, prune, tally } from "./tree";
import { clausePath } from "../../lib/paths";

export function ClauseTree({ clauses, state, words }: { clauses: Clause[]; state: string; words: string }) {
  const { t } = useI18n();
  const shown = useMemo(
    () =>
      state || words
        ? prune(clauses, (c) => (!state || (c.operative && c.state === state)) && matches(clauseText(c), words))
        : clauses,
    [clauses, state, words],
  );
  const all = useMemo(() => ids(shown), [shown]);
  const [open, setOpen] = useState<Key[] | null>(null);
  const narrowed = !!(state || words);
  // Narrowed trees stand open, since the branches that remain are the answer.
  const expanded = narrowed ? all : open ?? shown.map((c) => c.id);

  if (!shown.length) return <EmptyState what={t("clauses.none")} next={t("clauses.none_do")} />;
  return (
    <>
      {!narrowed && (
        <p className="actions">
          <Button type="link" onClick={() => setOpen(all)}>
            {t("clauses.open_all")}
          </Button>
          <Button type="link" onClick={() => setOpen([])}>
            {t("clauses.close_all")}
          </Button>
        </p>
      )}
      <Tree
        className="clause-tree"
        treeData={shown.map(node)}
        titleRender={(n) => <Title of={(n as Node).clause} />}
        expandedKeys={expanded}
        onExpand={(keys) => setOpen(keys)}
        selectable={false}
        blockNode
        showLine
      />
    </>
  );
}

interface Node extends TreeDataNode {
  clause: Clause;
}

function node(c: Clause): Node {
  return { key: c.id, clause: c, children: c.children?.map(node) };
}

function Title({ of }: { of: Clause }) {
  const { t, label } = useI18n();
  const inside = of.operative ? null : tally(of.children ?? []);
  return (
    <span className="clause-row">
      <Link to={clausePath(of.id)} className="clause">
        {of.id}
      </Link>
      <span className="clause-words">
        <strong>{of.number}</strong> {label(of.title) || label(of.text)}
      </span>
      {of.operative && <CheckState value={of.state} />}
      {inside && (inside.fail ?? 0) > 0 && <span className="mark bad">{t("clauses.failing_inside", { n: inside.fail })}</span>}
      {of.open_findings > 0 && of.operative && (
        <Link to={`/findings?clause=${encodeURIComponent(of.id)}`}>{t("clauses.findings", { n: of.open_findings })}</Link>
      )}
    </span>
  );
}
