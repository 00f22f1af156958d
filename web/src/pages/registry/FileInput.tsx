// A document for a field: brought to the server at once, named by the record when that is saved.
import { Button } from "antd";
import { useRef, useState } from "react";
import { isFile, uploadFile } from "../../api/registry";
import { useSchema } from "../../hooks/schema";
import { useI18n } from "../../i18n";

const ENDINGS = ".pdf,.png,.jpg,.jpeg,.tif,.tiff,.xlsx,.docx,.odt,.ods,.txt,.csv";

interface Props {
  id: string;
  value: unknown;
  onChange: (v: unknown) => void;
}

export function FileInput({ id, value, onChange }: Props) {
  const { t, fmt } = useI18n();
  const { data: schema } = useSchema();
  const picker = useRef<HTMLInputElement>(null);
  const [busy, setBusy] = useState(false);
  const [wrong, setWrong] = useState("");
  const max = schema?.file_max;

  const take = async (file: File) => {
    setWrong("");
    if (max && file.size > max) {
      setWrong(t("file.too_big", { name: file.name, size: fmt.bytes(file.size), max: fmt.bytes(max) }));
      return;
    }
    setBusy(true);
    try {
      onChange(await uploadFile(file));
    } catch (e) {
      setWrong((e instanceof Error && e.message) || t("file.failed"));
    } finally {
      setBusy(false);
    }
  };

  return (
    <div className="file-input">
      <input
        ref={picker}
        id={id}
        type="file"
        hidden
        accept={ENDINGS}
        onChange={(e) => {
          const file = e.target.files?.[0];
          // The same file may be chosen again after it was mended.
          e.target.value = "";
          if (file) void take(file);
        }}
      />
      {isFile(value) && (
        <span className="file-chosen" title={value.sha256}>
          {value.name} <span className="quiet">{fmt.bytes(value.size)}</span>{" "}
        </span>
      )}
      <Button loading={busy} onClick={() => picker.current?.click()}>
        {isFile(value) ? t("file.replace") : t("file.choose")}
      </Button>{" "}
      {isFile(value) && (
        <Button type="text" onClick={() => onChange(null)}>
          {t("file.remove")}
        </Button>
      )}
      {max !== undefined && <div className="quiet">{t("file.limit", { max: fmt.bytes(max) })}</div>}
      {wrong && (
        <div className="mark bad" role="alert">
          {wrong}
        </div>
      )}
    </div>
  );
}
