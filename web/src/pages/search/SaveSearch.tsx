import { Checkbox, Form, Input, Modal } from "antd";
import { useState } from "react";
import { changeSearch, saveSearch, type SavedSearch } from "../../api/events";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";

interface Props {
  /** What stands in the box. */
  query: string;
  /** null: a new one. */
  search: SavedSearch | null;
  onSaved: () => void;
  onClose: () => void;
}

export function SaveSearch({ query, search, onSaved, onClose }: Props) {
  const { t } = useI18n();
  const [name, setName] = useState(search?.name ?? "");
  const [text, setText] = useState(search?.query ?? query);
  const [shared, setShared] = useState(search?.shared ?? false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const good = !!name.trim() && !!text.trim();
  const submit = async () => {
    if (!good) return;
    setBusy(true);
    setError(null);
    try {
      const body = { name: name.trim(), query: text.trim(), shared };
      await (search ? changeSearch(search.id, body) : saveSearch(body));
      onSaved();
      onClose();
    } catch (e) {
      setError(e);
    } finally {
      setBusy(false);
    }
  };
  return (
    <Modal open title={search ? t("saved.edit") : t("saved.keep")} okText={t("saved.save")} okButtonProps={{ disabled: !good }} confirmLoading={busy} onOk={() => void submit()} onCancel={onClose}>
      <Form layout="vertical" onFinish={() => void submit()}>
        <Form.Item label={t("saved.name")} required htmlFor="saved-name" help={search ? undefined : t("saved.same_name")}>
          <Input id="saved-name" autoFocus maxLength={120} value={name} onChange={(e) => setName(e.target.value)} onPressEnter={() => void submit()} />
        </Form.Item>
        <Form.Item label={t("search.query")} required htmlFor="saved-query">
          <Input.TextArea id="saved-query" className="mono" autoSize={{ minRows: 2, maxRows: 8 }} spellCheck={false} value={text} onChange={(e) => setText(e.target.value)} />
        </Form.Item>
        <Checkbox checked={shared} onChange={(e) => setShared(e.target.checked)}>
          {t("saved.share")}
        </Checkbox>
      </Form>
      {error ? <ProblemView error={error} /> : null}
    </Modal>
  );
}
