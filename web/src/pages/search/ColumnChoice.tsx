import { TableOutlined } from "@ant-design/icons";
import { Button, Checkbox, Popover } from "antd";
import { useI18n } from "../../i18n";
import { LINE_COLUMNS, type LineColumn } from "../../lib/linecols";

export function ColumnChoice({ value, onChange }: { value: LineColumn[]; onChange: (columns: string[]) => void }) {
  const { t, word } = useI18n();
  return (
    <Popover
      trigger="click"
      placement="bottomRight"
      title={t("registry.columns")}
      content={<Checkbox.Group className="columns" value={value} onChange={(v) => onChange(v as string[])} options={LINE_COLUMNS.map((c) => ({ value: c, label: word("log_field", c) }))} />}
    >
      <Button icon={<TableOutlined aria-hidden />}>{t("registry.columns")}</Button>
    </Popover>
  );
}
