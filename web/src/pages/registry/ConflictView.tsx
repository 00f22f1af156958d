// Somebody else saved first: three hands side by side, and a choice where two of them disagree.
import { Modal, Radio, Table } from "antd";
import { useMemo, useState } from "react";
import type { Kind, Rec } from "../../api/registry";
import { useI18n } from "../../i18n";
import { conflicts, merge, type Conflict, type Values } from "../../lib/diff";
import { fieldValues } from "./formvalues";
import { columnLabel } from "./labels";
import { Value } from "./Value";

interface Props {
  kind: Kind;
  base: Values;
  mine: Values;
  theirs: Rec;
  busy: boolean;
  onClose: () => void;
  onSave: (merged: Values, base: Values, rev: number) => Promise<void>;
}

export function ConflictView({ kind, base, mine, theirs, busy, onClose, onSave }: Props) {
  const i18n = useI18n();
  const { t, fmt } = i18n;
  const now = useMemo(() => fieldValues(kind, theirs), [kind, theirs]);
  const rows = useMemo(() => conflicts(base, now, mine), [base, now, mine]);
  const [choice, setChoice] = useState<Record<string, "mine" | "theirs">>({});
  const open = rows.filter((r) => r.clash && !choice[r.field]).length;

  const save = () => void onSave(merge(now, rows, choice), now, theirs.rev);
  const cell = (field: string, value: unknown) => <Value kind={kind} name={field} value={value} />;
  return (
    <Modal
      open
      width={920}
      title={t("conflict.title")}
      okText={t("conflict.save")}
      cancelText={t("conflict.back")}
      okButtonProps={{ disabled: open > 0 }}
      confirmLoading={busy}
      onOk={save}
      onCancel={onClose}
    >
      <p>{t("conflict.what", { by: theirs.changed_by ?? "", at: fmt.time(theirs.changed_at), rev: theirs.rev })}</p>
      <Table<Conflict>
        rowKey="field"
        pagination={false}
        dataSource={rows}
        locale={{ emptyText: t("conflict.nothing") }}
        columns={[
          { title: t("history.field"), width: 170, render: (_, r) => columnLabel(i18n, kind, r.field) },
          { title: t("conflict.base"), render: (_, r) => cell(r.field, r.base) },
          { title: t("conflict.theirs"), render: (_, r) => cell(r.field, r.theirs) },
          { title: t("conflict.mine"), render: (_, r) => cell(r.field, r.mine) },
          {
            title: t("conflict.keep"),
            width: 190,
            render: (_, r) =>
              r.clash ? (
                <Radio.Group
                  aria-label={columnLabel(i18n, kind, r.field)}
                  value={choice[r.field]}
                  onChange={(e) => setChoice({ ...choice, [r.field]: e.target.value as "mine" | "theirs" })}
                  options={[
                    { value: "theirs", label: t("conflict.theirs_short") },
                    { value: "mine", label: t("conflict.mine_short") },
                  ]}
                />
              ) : (
                <span className="quiet">{t("conflict.no_clash")}</span>
              ),
          },
        ]}
      />
      {open > 0 && <p className="mark warn">{t("conflict.open", { n: open })}</p>}
    </Modal>
  );
}
