import { Alert, Button } from "antd";
import { useSession } from "../../hooks/session";
import { useI18n } from "../../i18n";
import { Frame } from "./Frame";
import { PasswordForm } from "./PasswordForm";

/** The first password came from somebody else; nothing opens until it is the reader's own. */
export function FirstPassword() {
  const { t } = useI18n();
  const { session, enter, leave } = useSession();
  return (
    <Frame title={t("password.first_title")}>
      <Alert type="info" showIcon message={t("password.first_why")} />
      <PasswordForm
        onDone={(fresh) => {
          if (fresh) enter(fresh);
          else if (session) enter({ ...session, must_change: false });
        }}
      />
      <Button type="link" onClick={() => void leave()}>
        {t("shell.log_out")}
      </Button>
    </Frame>
  );
}
