import { Select, Spin } from "antd";
import { useState } from "react";
import type { Ref } from "../../api/types";
import { refText, useRefOptions } from "../../components/RefSelect";
import { useI18n } from "../../i18n";

/** Several references to records of one kind. */
export function RefsSelect({ id, kind, value, onChange }: { id: string; kind: string; value: Ref[]; onChange: (v: Ref[]) => void }) {
  const { t } = useI18n();
  const [words, setWords] = useState("");
  const [open, setOpen] = useState(false);
  const { data, isFetching } = useRefOptions(kind, words, open);
  const known = new Map<string, Ref>(value.map((r) => [String(r.id), r]));
  for (const r of data?.items ?? []) known.set(String(r.id), { id: r.id, key: r.key, title: r.title });
  return (
    <Select
      id={id}
      mode="multiple"
      filterOption={false}
      placeholder={t("ref.choose")}
      value={value.map((r) => String(r.id))}
      onDropdownVisibleChange={setOpen}
      onSearch={setWords}
      onChange={(ids: string[]) => onChange(ids.map((x) => known.get(x)).filter((r): r is Ref => !!r))}
      notFoundContent={isFetching ? <Spin size="small" /> : t("ref.none")}
      options={[...known].map(([v, r]) => ({ value: v, label: refText(r) }))}
    />
  );
}
