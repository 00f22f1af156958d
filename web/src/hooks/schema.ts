import { useMemo } from "react";
import { useQuery } from "@tanstack/react-query";
import { getCounts, getSchema, type Field, type Kind } from "../api/registry";
import { useSession } from "./session";

export const useSchema = () => useQuery({ queryKey: ["schema"], queryFn: getSchema, staleTime: Infinity });
export const useCounts = () => useQuery({ queryKey: ["counts"], queryFn: getCounts });

export function useKind(name: string | undefined): Kind | undefined {
  const { data } = useSchema();
  const { session } = useSession();
  return useMemo(() => {
    const kind = data?.kinds.find((k) => k.name === name);
    if (!kind?.fields.some((f) => f.read)) return kind;
    return { ...kind, fields: kind.fields.filter((f) => !f.read || f.read.some((r) => session?.roles.includes(r))) };
  }, [data, name, session]);
}

/** Fields that every record has; labels come from the catalogue ("field.<name>"). */
export const SYSTEM_FIELDS = ["state", "changed_at", "changed_by", "created_at", "created_by", "valid_from", "valid_to"] as const;

export function fieldOf(kind: Kind, name: string): Field | undefined {
  return kind.fields.find((f) => f.name === name);
}

/** Fields of other kinds that point at this one. */
export function referrers(kinds: Kind[], name: string): { kind: Kind; field: Field }[] {
  return kinds.flatMap((kind) => kind.fields.filter((f) => f.ref === name).map((field) => ({ kind, field })));
}
