import { CheckOutlined, CopyOutlined } from "@ant-design/icons";
import { Button } from "antd";
import { useState } from "react";
import { useI18n } from "../i18n";

export function Copy({ text }: { text: string }) {
  const { t } = useI18n();
  const [done, setDone] = useState(false);
  const copy = () => void navigator.clipboard?.writeText(text).then(() => setDone(true));
  return (
    <Button icon={done ? <CheckOutlined aria-hidden /> : <CopyOutlined aria-hidden />} onClick={copy} onBlur={() => setDone(false)}>
      {done ? t("copy.done") : t("copy.do")}
    </Button>
  );
}
