// Gives out the next free addresses or prefixes, or a gap that was chosen; what will be given is shown first.
import { useQuery } from "@tanstack/react-query";
import { Form, Input, InputNumber, Modal } from "antd";
import { useState } from "react";
import { allocate, getFree } from "../../api/addresses";
import { createRecord, type Rec } from "../../api/registry";
import { ProblemView } from "../../components/ProblemView";
import { RefSelect } from "../../components/RefSelect";
import { useI18n } from "../../i18n";
import { lengthOf } from "./amount";

interface Props {
  prefix: Rec;
  /** "10.1.4.0/22": exactly this; else the next free ones. */
  gap?: string;
  onDone: () => void;
  onClose: () => void;
}

const SHOWN = 5;

export function GiveDialog({ prefix, gap, onDone, onClose }: Props) {
  const { t } = useI18n();
  const container = prefix.container === true;
  const [count, setCount] = useState(1);
  const [length, setLength] = useState(lengthOf(gap ?? prefix.key) + (gap ? 0 : 2));
  const [ref, setRef] = useState<string | null>(null);
  const [name, setName] = useState("");
  const [purpose, setPurpose] = useState("");
  const [reason, setReason] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const ahead = useQuery({
    queryKey: ["free", prefix.key, count, container ? length : 0],
    queryFn: ({ signal }) => getFree(prefix.key, Math.min(count, 1000), container ? length : undefined, signal),
    enabled: !gap && count > 0,
    retry: false,
  });

  const give = async () => {
    const network = (prefix.network as { id: number } | null)?.id;
    const extra = { ...(ref ? { [container ? "unit" : "device"]: ref } : {}), ...(purpose ? { purpose } : {}) };
    if (!gap) return allocate(prefix.key, { count, ...(container ? { length } : name ? { name } : {}), ...extra }, reason);
    if (container) return createRecord("prefix", { prefix: gap, network, ...extra }, reason);
    return createRecord("address", { ip: gap.split("/")[0], prefix: prefix.id, ...(name ? { fqdn: name } : {}), ...extra }, reason);
  };
  const submit = async () => {
    setBusy(true);
    setError(null);
    try {
      await give();
      onDone();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  const items = ahead.data?.items ?? [];
  const short = !gap && ahead.data !== undefined && items.length < count;

  return (
    <Modal
      open
      title={t(container ? "addr.give_prefix" : "addr.give_address", { prefix: prefix.key })}
      okText={t("addr.give")}
      okButtonProps={{ disabled: short }}
      confirmLoading={busy}
      onOk={() => void submit()}
      onCancel={onClose}
    >
      <Form layout="vertical">
        {!gap && (
          <div className="filters">
            <Form.Item label={t("addr.count")} htmlFor="give-count">
              <InputNumber id="give-count" min={1} max={1000} value={count} onChange={(v) => setCount(v ?? 1)} autoFocus />
            </Form.Item>
            {container && (
              <Form.Item label={t("addr.length")} htmlFor="give-length">
                <InputNumber id="give-length" min={lengthOf(prefix.key) + 1} max={prefix.key.includes(":") ? 128 : 32} value={length} onChange={(v) => setLength(v ?? length)} />
              </Form.Item>
            )}
          </div>
        )}
        <p className="give-ahead" role="status">
          {gap
            ? t("addr.will_give", { items: container ? gap : gap.split("/")[0] })
            : short
              ? t("addr.short", { have: items.length, count })
              : items.length
                ? t("addr.will_give", { items: items.slice(0, SHOWN).join(", ") + (items.length > SHOWN ? " …" : "") })
                : " "}
        </p>
        <Form.Item label={t(container ? "addr.unit" : "addr.device")} htmlFor="give-ref">
          <RefSelect id="give-ref" kind={container ? "unit" : "device"} by="key" value={ref} onChange={(v) => setRef(v === null ? null : String(v))} />
        </Form.Item>
        {!container && (
          <Form.Item label={t("addr.name")} htmlFor="give-name" help={count > 1 ? t("addr.name_help") : undefined}>
            <Input id="give-name" maxLength={253} value={name} onChange={(e) => setName(e.target.value)} />
          </Form.Item>
        )}
        <Form.Item label={t("addr.purpose")} htmlFor="give-purpose">
          <Input id="give-purpose" maxLength={200} value={purpose} onChange={(e) => setPurpose(e.target.value)} />
        </Form.Item>
        <Form.Item label={t("reason.label")} htmlFor="give-reason">
          <Input id="give-reason" maxLength={1000} value={reason} onChange={(e) => setReason(e.target.value)} />
        </Form.Item>
      </Form>
      {error ? <ProblemView error={error} /> : null}
    </Modal>
  );
}
