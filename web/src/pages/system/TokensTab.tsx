import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { Alert, Button, DatePicker, Input, Popconfirm, Select, Table } from "antd";
import { useState } from "react";
import { dropToken, getTokens, makeToken } from "../../api/service";
import type { Token } from "../../api/types";
import { Copy } from "../../components/Copy";
import { EmptyState } from "../../components/EmptyState";
import { Loaded } from "../../components/Loaded";
import { ProblemView } from "../../components/ProblemView";
import { useSession } from "../../hooks/session";
import { useI18n } from "../../i18n";
import dayjs, { type Dayjs } from "dayjs";

export function TokensTab() {
  const { t, fmt, word } = useI18n();
  const client = useQueryClient();
  const query = useQuery({ queryKey: ["tokens"], queryFn: getTokens });
  const again = () => client.invalidateQueries({ queryKey: ["tokens"] });
  const make = useMutation({ mutationFn: makeToken, onSuccess: again });
  const drop = useMutation({ mutationFn: dropToken, onSuccess: again });
  return (
    <>
      <p className="quiet">{t("tokens.help")}</p>
      <MakeToken busy={make.isPending} onMake={make.mutate} />
      {make.error && <ProblemView error={make.error} />}
      {drop.error && <ProblemView error={drop.error} />}
      {make.data?.token && (
        <Alert
          type="warning"
          showIcon
          message={t("tokens.once")}
          description={<code className="secret">{make.data.token}</code>}
          action={<Copy text={make.data.token} />}
          closable
          onClose={make.reset}
        />
      )}
      <Loaded query={query}>
        {({ items }) => (
          <Table<Token>
            rowKey={(x) => String(x.id)}
            dataSource={items}
            pagination={false}
            locale={{ emptyText: <EmptyState what={t("tokens.none")} next={t("tokens.none_do")} /> }}
            columns={[
              { title: t("tokens.name"), dataIndex: "name" },
              { title: t("logins.roles"), render: (_, x) => (x.roles ?? []).map((r) => word("role", r)).join(", ") },
              { title: t("tokens.expires"), render: (_, x) => fmt.date(x.expires_on) || t("tokens.no_end") },
              { title: t("tokens.used"), render: (_, x) => fmt.time(x.last_used_at) || t("span.never") },
              {
                title: t("logins.do"),
                width: 110,
                render: (_, x) => (
                  <Popconfirm title={t("tokens.drop_sure", { name: x.name })} onConfirm={() => drop.mutate(x.id)}>
                    <Button danger>{t("tokens.drop")}</Button>
                  </Popconfirm>
                ),
              },
            ]}
          />
        )}
      </Loaded>
    </>
  );
}

function MakeToken({ busy, onMake }: { busy: boolean; onMake: (b: { name: string; expires_on?: string; roles: string[] }) => void }) {
  const { t, word } = useI18n();
  const { session } = useSession();
  const own = session?.roles ?? [];
  const [name, setName] = useState("");
  const [roles, setRoles] = useState<string[]>(own.slice(0, 1));
  const [until, setUntil] = useState<Dayjs | null>(dayjs().add(1, "year"));
  return (
    <form
      className="filters"
      onSubmit={(e) => {
        e.preventDefault();
        onMake({ name: name.trim(), roles, ...(until ? { expires_on: until.format("YYYY-MM-DD") } : {}) });
      }}
    >
      <Input aria-label={t("tokens.name")} placeholder={t("tokens.name")} value={name} maxLength={80} onChange={(e) => setName(e.target.value)} style={{ width: 220 }} />
      <Select
        mode="multiple"
        aria-label={t("logins.roles")}
        value={roles}
        onChange={setRoles}
        options={own.map((r) => ({ value: r, label: word("role", r) }))}
        style={{ minWidth: 180 }}
      />
      <DatePicker aria-label={t("tokens.expires")} format="DD/MM/YYYY" value={until} onChange={setUntil} minDate={dayjs()} />
      <Button htmlType="submit" loading={busy} disabled={!name.trim() || !roles.length}>
        {t("tokens.make")}
      </Button>
    </form>
  );
}
