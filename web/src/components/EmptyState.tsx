import { InboxOutlined } from "@ant-design/icons";
import type { ReactNode } from "react";

/** Nothing here: say so, and what to do next. */
export function EmptyState({ what, next }: { what: ReactNode; next?: ReactNode }) {
  return (
    <div className="empty">
      <InboxOutlined aria-hidden />
      <p>{what}</p>
      {next && <p className="quiet">{next}</p>}
    </div>
  );
}
