import { LockOutlined } from "@ant-design/icons";
import { Alert, Button, Form, Input } from "antd";
import { useState } from "react";
import { ApiError } from "../../api/client";
import { logIn } from "../../api/service";
import { ProblemView } from "../../components/ProblemView";
import { useSession } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { datesInText } from "../../lib/format";
import { Frame } from "./Frame";

interface Values {
  account: string;
  password: string;
}

function LoginError({ error }: { error: unknown }) {
  const { t } = useI18n();
  if (error instanceof ApiError && error.status === 423) {
    return (
      <Alert type="error" showIcon role="alert" icon={<LockOutlined aria-hidden />} message={t("login.locked")} description={<>{datesInText(error.problem.detail ?? "")}<p>{t("login.locked_do")}</p></>} />
    );
  }
  if (error instanceof ApiError && error.status === 401) {
    return <Alert type="error" showIcon role="alert" message={t("login.wrong")} description={t("login.wrong_do")} />;
  }
  return <ProblemView error={error} />;
}

export function LoginPage() {
  const { t } = useI18n();
  const { enter, expired } = useSession();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async ({ account, password }: Values) => {
    setBusy(true);
    setError(null);
    try {
      enter(await logIn(account.trim(), password));
    } catch (e) {
      setError(e);
      setBusy(false);
    }
  };

  return (
    <Frame title={t("login.title")}>
      <p className="quiet">{t("login.intro")}</p>
      {expired && !error && <Alert type="info" showIcon role="status" message={t("login.expired")} />}
      {error ? <LoginError error={error} /> : null}
      <Form<Values> layout="vertical" size="middle" onFinish={(v) => void submit(v)} requiredMark={false} disabled={busy}>
        <Form.Item name="account" label={t("login.account")} rules={[{ required: true, message: t("login.account_need") }]}>
          <Input autoFocus autoComplete="username" autoCapitalize="none" spellCheck={false} />
        </Form.Item>
        <Form.Item name="password" label={t("login.password")} rules={[{ required: true, message: t("login.password_need") }]}>
          <Input.Password autoComplete="current-password" />
        </Form.Item>
        <Button type="primary" htmlType="submit" block loading={busy}>
          {t("login.do")}
        </Button>
      </Form>
    </Frame>
  );
}
