import { Typography } from "antd";
import type { ReactNode } from "react";
import { useTitle } from "../hooks/title";

interface Props {
  title: string;
  /** The sentence that the reader came for. */
  answer?: ReactNode;
  actions?: ReactNode;
  above?: ReactNode;
  children: ReactNode;
}

export function Page({ title, answer, actions, above, children }: Props) {
  useTitle(title);
  return (
    <div className="page">
      {above}
      <div className="page-head">
        <Typography.Title level={1} className="page-title">
          {title}
        </Typography.Title>
        <span className="grow" />
        <div className="actions">{actions}</div>
      </div>
      {answer && <p className="answer">{answer}</p>}
      {children}
    </div>
  );
}

interface PanelProps {
  title: ReactNode;
  extra?: ReactNode;
  children: ReactNode;
  className?: string;
}

export function Panel({ title, extra, children, className }: PanelProps) {
  return (
    <section className={`panel ${className ?? ""}`}>
      <div className="panel-head">
        <h2>{title}</h2>
        <span className="grow" />
        {extra}
      </div>
      {children}
    </section>
  );
}
