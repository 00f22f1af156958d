// An error as a person needs it: what happened, which parts, what to do.
import { Alert, Button } from "antd";
import { ApiError } from "../api/client";
import { useI18n } from "../i18n";
import { datesInText } from "../lib/format";
import type { Key } from "../i18n/translate";

const ADVICE: Record<number, Key> = {
  0: "problem.offline_do",
  403: "problem.403_do",
  404: "problem.404_do",
  409: "problem.409_do",
  429: "problem.429_do",
  503: "problem.503_do",
};

export function ProblemView({ error, retry, page }: { error: unknown; retry?: () => void; page?: boolean }) {
  const { t } = useI18n();
  const api = error instanceof ApiError ? error : null;
  const offline = api?.status === 0;
  const p = api?.problem;
  const title = offline ? t("problem.offline") : p?.title || t("problem.unknown");
  const advice = api ? ADVICE[api.status] ?? (api.status >= 500 ? "problem.500_do" : undefined) : "problem.500_do";
  const view = (
    <Alert
      type="error"
      showIcon
      role="alert"
      message={title}
      description={
        <>
          {p?.detail && p.detail !== title && <p>{datesInText(p.detail)}</p>}
          {p?.errors?.length ? (
            <ul>
              {p.errors.map((e, i) => (
                <li key={i}>
                  {e.pointer && <code>{e.pointer}</code>} {e.detail}
                </li>
              ))}
            </ul>
          ) : null}
          {advice && <p>{t(advice)}</p>}
          {!api && error instanceof Error && <p className="quiet">{error.message}</p>}
        </>
      }
      action={retry && <Button onClick={retry}>{t("problem.retry")}</Button>}
    />
  );
  return page ? <div className="alone">{view}</div> : view;
}
