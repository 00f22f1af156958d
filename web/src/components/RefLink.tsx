import { Link } from "react-router-dom";
import type { Ref } from "../api/types";
import { recordPath } from "../lib/paths";

export function RefLink({ kind, value }: { kind: string; value: Ref | null | undefined }) {
  if (!value) return null;
  return (
    <Link to={recordPath(kind, value.id)} title={value.key}>
      {value.title || value.key}
    </Link>
  );
}
