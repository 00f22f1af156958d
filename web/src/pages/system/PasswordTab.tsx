import { Alert } from "antd";
import { useState } from "react";
import { useSession } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { PasswordForm } from "../login/PasswordForm";

export function PasswordTab() {
  const { t } = useI18n();
  const { enter } = useSession();
  const [done, setDone] = useState(false);
  return (
    <>
      {done && <Alert type="success" showIcon role="status" message={t("password.done")} />}
      <PasswordForm
        onDone={(fresh) => {
          if (fresh) enter(fresh);
          setDone(true);
        }}
      />
    </>
  );
}
