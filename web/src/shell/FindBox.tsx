// One box for everything: pages, records of every kind, clauses; or hand the words to the log.
import { Input, Modal, Spin, type InputRef } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useNavigate } from "react-router-dom";
import { useI18n } from "../i18n";
import { rememberHit, useFind } from "./useFind";

export function FindBox({ open, onClose }: { open: boolean; onClose: () => void }) {
  const { t } = useI18n();
  return (
    <Modal open={open} onCancel={onClose} footer={null} closable={false} destroyOnHidden width={640} className="find" title={t("find.title")}>
      <Inner onClose={onClose} />
    </Modal>
  );
}

function Inner({ onClose }: { onClose: () => void }) {
  const { t } = useI18n();
  const go = useNavigate();
  const [words, setWords] = useState("");
  const [at, setAt] = useState(0);
  const { hits, busy } = useFind(words);
  const box = useRef<InputRef>(null);

  useEffect(() => setAt(0), [words]);
  // The dialog takes the focus for itself while it opens; until then Escape must work as well.
  useEffect(() => {
    const timer = setTimeout(() => box.current?.focus(), 50);
    const onEscape = (e: globalThis.KeyboardEvent) => e.key === "Escape" && onClose();
    window.addEventListener("keydown", onEscape);
    return () => {
      clearTimeout(timer);
      window.removeEventListener("keydown", onEscape);
    };
  }, [onClose]);

  const choose = (i: number) => {
    const hit = hits[i];
    if (!hit) return;
    rememberHit(hit);
    onClose();
    go(hit.to);
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.key === "ArrowDown") setAt((i) => Math.min(i + 1, hits.length - 1));
    else if (e.key === "ArrowUp") setAt((i) => Math.max(i - 1, 0));
    else if (e.key === "Enter") choose(at);
    else return;
    e.preventDefault();
  };

  return (
    <>
      <Input
        ref={box}
        size="large"
        value={words}
        onChange={(e) => setWords(e.target.value)}
        onKeyDown={onKey}
        placeholder={t("find.hint")}
        suffix={busy ? <Spin size="small" /> : <span />}
        role="combobox"
        aria-label={t("find.title")}
        aria-expanded
        aria-controls="find-hits"
        aria-activedescendant={hits.length ? `find-${at}` : undefined}
      />
      <ul id="find-hits" role="listbox" className="hits" aria-label={t("find.results")}>
        {hits.map((h, i) => (
          <li
            key={h.to + h.title}
            id={`find-${i}`}
            role="option"
            aria-selected={i === at}
            className={i === at ? "hit at" : "hit"}
            onMouseEnter={() => setAt(i)}
            onClick={() => choose(i)}
            ref={i === at ? (el) => el?.scrollIntoView({ block: "nearest" }) : undefined}
          >
            <span className="hit-kind">{h.kind}</span>
            <span>{h.title}</span>
            {h.key && <code className="quiet">{h.key}</code>}
            {h.near && <span className="quiet">{t("find.near")}</span>}
          </li>
        ))}
      </ul>
      {!hits.length && words.trim() && !busy && <p className="quiet">{t("find.nothing")}</p>}
      <p className="quiet">{t("find.help")}</p>
    </>
  );
}
