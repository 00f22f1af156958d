import { Button, Form, Input } from "antd";
import { useState } from "react";
import { ApiError } from "../../api/client";
import { changePassword, getSession } from "../../api/service";
import type { Session } from "../../api/types";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";

interface Values {
  old: string;
  next: string;
  again: string;
}

/** onDone gets the session as it stands after the change, or null when the server ended it. */
export function PasswordForm({ onDone }: { onDone: (fresh: Session | null) => void }) {
  const { t } = useI18n();
  const [form] = Form.useForm<Values>();
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);

  const submit = async (v: Values) => {
    setBusy(true);
    setError(null);
    try {
      await changePassword(v.old, v.next);
      form.resetFields();
      onDone(await getSession().catch(() => null));
    } catch (e) {
      const field = e instanceof ApiError ? e.problem.errors?.find((x) => x.pointer === "/old" || x.pointer === "/new") : undefined;
      if (field) form.setFields([{ name: field.pointer === "/old" ? "old" : "next", errors: [field.detail] }]);
      else setError(e);
    } finally {
      setBusy(false);
    }
  };

  const same = (get: (name: string) => unknown) => ({
    validator: (_: unknown, value: string) =>
      !value || value === get("next") ? Promise.resolve() : Promise.reject(new Error(t("password.differ"))),
  });

  return (
    <Form<Values> form={form} layout="vertical" size="middle" requiredMark={false} onFinish={(v) => void submit(v)} className="narrow">
      {error ? <ProblemView error={error} /> : null}
      <Form.Item name="old" label={t("password.old")} rules={[{ required: true, message: t("password.need") }]}>
        <Input.Password autoFocus autoComplete="current-password" />
      </Form.Item>
      <Form.Item name="next" label={t("password.new")} extra={t("password.rule")} rules={[{ required: true, message: t("password.need") }]}>
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Form.Item
        name="again"
        label={t("password.again")}
        validateTrigger="onBlur"
        rules={[{ required: true, message: t("password.need") }, ({ getFieldValue }) => same(getFieldValue)]}
      >
        <Input.Password autoComplete="new-password" />
      </Form.Item>
      <Button type="primary" htmlType="submit" loading={busy} block>
        {t("password.do")}
      </Button>
    </Form>
  );
}
