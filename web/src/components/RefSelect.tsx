// A searchable select over the records of a kind; what is typed goes to the server.
import { useQuery } from "@tanstack/react-query";
import { Select, Spin } from "antd";
import { useEffect, useState } from "react";
import { listRecords } from "../api/registry";
import type { Ref } from "../api/types";
import { useI18n } from "../i18n";

type Id = string | number;

interface Props {
  kind: string;
  value: Id | Ref | null | undefined;
  onChange?: (value: Id | null, ref: Ref | null) => void;
  by?: "id" | "key";
  label?: string;
  id?: string;
  width?: number | string;
  autoFocus?: boolean;
}

const isRef = (v: unknown): v is Ref => typeof v === "object" && v !== null;

export function useRefOptions(kind: string, words: string, on: boolean) {
  return useQuery({
    queryKey: ["ref", kind, words],
    queryFn: ({ signal }) => listRecords(kind, new URLSearchParams({ limit: "30", ...(words ? { q: words } : {}) }), signal),
    enabled: on,
    staleTime: 10000,
  });
}

export const refText = (r: { key: string; title: string }) => (r.title && r.title !== r.key ? `${r.title} (${r.key})` : r.key);

export function RefSelect({ kind, value, onChange, by = "id", label, id, width = "100%", autoFocus }: Props) {
  const { t } = useI18n();
  const [words, setWords] = useState("");
  const [late, setLate] = useState("");
  const [open, setOpen] = useState(false);
  const [known, setKnown] = useState<Ref | null>(isRef(value) ? value : null);
  useEffect(() => {
    const timer = setTimeout(() => setLate(words), 200);
    return () => clearTimeout(timer);
  }, [words]);
  useEffect(() => {
    if (isRef(value)) setKnown(value);
  }, [value]);
  const { data, isFetching } = useRefOptions(kind, late, open);

  const chosen = isRef(value) ? value[by] : value;
  const options = new Map<Id, string>();
  if (known && chosen === known[by]) options.set(known[by], refText(known));
  for (const r of data?.items ?? []) options.set(r[by], refText(r));

  return (
    <Select
      id={id}
      aria-label={label}
      autoFocus={autoFocus}
      showSearch
      allowClear
      filterOption={false}
      placeholder={label ?? t("ref.choose")}
      value={chosen ?? null}
      onDropdownVisibleChange={setOpen}
      onSearch={setWords}
      onChange={(v: Id | null | undefined) => {
        const hit = data?.items.find((r) => r[by] === v);
        const ref = hit ? { id: hit.id, key: hit.key, title: hit.title } : null;
        setKnown(ref);
        setWords("");
        onChange?.(v ?? null, ref);
      }}
      notFoundContent={isFetching ? <Spin size="small" /> : t("ref.none")}
      options={[...options].map(([v, text]) => ({ value: v, label: text }))}
      style={{ width }}
    />
  );
}
