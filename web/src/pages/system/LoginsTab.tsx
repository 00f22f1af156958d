import { KeyOutlined, LockFilled, UnlockOutlined } from "@ant-design/icons";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, Table } from "antd";
import { useState } from "react";
import { getLogins, makeLogin, unlockLogin } from "../../api/service";
import type { Login } from "../../api/types";
import { Copy } from "../../components/Copy";
import { Loaded } from "../../components/Loaded";
import { ProblemView } from "../../components/ProblemView";
import { RefSelect } from "../../components/RefSelect";
import { useI18n } from "../../i18n";

export function LoginsTab() {
  const { t } = useI18n();
  const client = useQueryClient();
  const [account, setAccount] = useState<string | null>(null);
  const query = useQuery({ queryKey: ["logins"], queryFn: getLogins });
  const again = () => client.invalidateQueries({ queryKey: ["logins"] });
  const make = useMutation({ mutationFn: makeLogin, onSuccess: again });
  const unlock = useMutation({ mutationFn: unlockLogin, onSuccess: again });
  return (
    <>
      <form
        className="filters"
        onSubmit={(e) => {
          e.preventDefault();
          if (account) make.mutate(account);
        }}
      >
        <RefSelect kind="account" by="key" label={t("logins.account")} value={account} onChange={(v) => setAccount(v === null ? null : String(v))} width={280} />
        <Button htmlType="submit" icon={<KeyOutlined aria-hidden />} disabled={!account} loading={make.isPending}>
          {t("logins.make")}
        </Button>
        <span className="quiet">{t("logins.make_help")}</span>
      </form>
      {make.error && <ProblemView error={make.error} />}
      {unlock.error && <ProblemView error={unlock.error} />}
      {make.data && (
        <Alert
          type="warning"
          showIcon
          message={t("logins.once", { account: make.variables })}
          description={<code className="secret">{make.data.one_time_password}</code>}
          action={<Copy text={make.data.one_time_password} />}
          closable
          onClose={make.reset}
        />
      )}
      <Loaded query={query}>{({ items }) => <Logins items={items} busy={unlock.isPending} onUnlock={unlock.mutate} onReset={make.mutate} />}</Loaded>
    </>
  );
}

function Logins({ items, busy, onUnlock, onReset }: { items: Login[]; busy: boolean; onUnlock: (a: string) => void; onReset: (a: string) => void }) {
  const { t, fmt, word } = useI18n();
  const locked = (l: Login) => !!l.locked_until && Date.parse(l.locked_until) > Date.now();
  return (
    <Table<Login>
      rowKey="account"
      dataSource={items}
      pagination={{ pageSize: 50, hideOnSinglePage: true, showSizeChanger: false }}
      columns={[
        { title: t("logins.account"), render: (_, l) => <code>{l.account}</code> },
        { title: t("logins.name"), dataIndex: "name" },
        { title: t("logins.roles"), render: (_, l) => l.roles.map((r) => word("role", r)).join(", ") },
        {
          title: t("logins.state"),
          render: (_, l) =>
            locked(l) ? (
              <span className="mark bad">
                <LockFilled aria-hidden /> {t("logins.locked", { at: fmt.time(l.locked_until) })}
              </span>
            ) : l.must_change ? (
              <span className="mark warn">{t("logins.must_change")}</span>
            ) : (
              t("logins.fine")
            ),
        },
        { title: t("logins.failures"), width: 96, align: "right", render: (_, l) => fmt.number(l.failures) },
        { title: t("logins.last"), width: 164, render: (_, l) => <time>{fmt.time(l.last_login_at) || t("span.never")}</time> },
        {
          title: t("logins.do"),
          width: 260,
          render: (_, l) => (
            <span className="actions">
              {(locked(l) || l.failures > 0) && (
                <Button icon={<UnlockOutlined aria-hidden />} disabled={busy} onClick={() => onUnlock(l.account)}>
                  {t("logins.unlock")}
                </Button>
              )}
              <Button onClick={() => onReset(l.account)}>{t("logins.reset")}</Button>
            </span>
          ),
        },
      ]}
    />
  );
}
