import { QuestionCircleOutlined, SearchOutlined } from "@ant-design/icons";
import { Alert, AutoComplete, Button, Input, type InputRef } from "antd";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { ApiError } from "../../api/client";
import { completeQuery, type Offer, type QueryField } from "../../api/events";
import { ProblemView } from "../../components/ProblemView";
import { useI18n } from "../../i18n";
import { term } from "../../lib/querytext";
import { readStored, writeStored } from "../../lib/stored";
import { QueryHelp } from "./QueryHelp";

interface Props {
  value: string;
  onAsk: (q: string) => void;
  fields: QueryField[];
  error: unknown;
  /** Another source than logs: completions and help are about its fields. */
  source?: string;
}

export function QueryBox({ value, onAsk, fields, error, source }: Props) {
  const { t } = useI18n();
  const [text, setText] = useState(value);
  const [help, setHelp] = useState(readStored("query-help") === "1");
  const [offers, setOffers] = useState<{ from: number; to: number; items: Offer[] }>({ from: 0, to: 0, items: [] });
  useEffect(() => setText(value), [value]);

  /** What may come next, asked a moment after the last key. Places are characters, not UTF-16 units. */
  useEffect(() => {
    if (text === value) return setOffers({ from: 0, to: 0, items: [] });
    const stop = new AbortController();
    const timer = setTimeout(() => {
      const lead = source ? `from:${source} ` : "";
      completeQuery(lead + text, lead.length + [...text].length, stop.signal).then((o) => setOffers({ ...o, from: o.from - lead.length }), () => undefined);
    }, 150);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [text, value, source]);
  const input = useRef<InputRef>(null);
  // An offer counts as chosen only when an arrow led to it: the list comes by itself, Enter must not wait for it.
  const chosen = useRef(false);
  const run = () => {
    chosen.current = false;
    setOffers({ from: 0, to: 0, items: [] });
    onAsk(text.trim());
  };
  const onKey = (e: KeyboardEvent) => {
    if (e.nativeEvent.isComposing || e.target !== input.current?.input) return;
    if (e.key === "ArrowDown" || e.key === "ArrowUp") {
      chosen.current = offers.items.length > 0;
    } else if (e.key === "Enter" && !chosen.current) {
      e.preventDefault();
      e.stopPropagation();
      run();
    } else if (e.key !== "Shift") {
      chosen.current = false;
    }
  };
  const taken = (offer: string) => [...text].slice(0, offers.from).join("") + offer;

  const insert = (field: string, v?: string) => {
    setText((old) => `${old}${old && !old.endsWith(" ") ? " " : ""}${v ? term(field, v) : `${field}:`}`);
    input.current?.focus();
  };
  const flip = () => {
    writeStored("query-help", help ? "0" : "1");
    setHelp(!help);
  };

  return (
    <div className="query">
      <form
        role="search"
        className="query-row"
        onKeyDownCapture={onKey}
        onSubmit={(e) => {
          e.preventDefault();
          run();
        }}
      >
        <AutoComplete
          className="query-input"
          style={{ flex: 1 }}
          value={text}
          onChange={setText}
          defaultActiveFirstOption={false}
          options={offers.items.map((o) => ({ value: taken(o.text), label: o.text }))}
        >
        <Input
          ref={input}
          size="middle"
          className="mono"
          placeholder={source ? t("flows.example") : t("search.example")}
          aria-label={t("search.query")}
          aria-invalid={!!error}
          aria-describedby={error ? "query-error" : undefined}
          prefix={<SearchOutlined aria-hidden />}
          spellCheck={false}
          autoComplete="off"
          allowClear
        />
        </AutoComplete>
        <Button size="middle" type="primary" htmlType="submit">
          {t("search.do")}
        </Button>
        <Button size="middle" icon={<QuestionCircleOutlined aria-hidden />} aria-expanded={help} onClick={flip}>
          {t("search.help")}
        </Button>
      </form>
      {error ? <QueryError error={error} query={value} /> : null}
      {help && <QueryHelp fields={fields} onInsert={insert} source={source} />}
    </div>
  );
}

/** The query as it was asked, with a mark under the character that was not understood. */
function QueryError({ error, query }: { error: unknown; query: string }) {
  const { t } = useI18n();
  if (!(error instanceof ApiError) || error.problem.column === undefined) return <ProblemView error={error} />;
  const column = error.problem.column;
  return (
    <Alert
      id="query-error"
      type="error"
      showIcon
      role="alert"
      message={error.problem.detail || error.problem.title}
      description={
        <>
          <pre className="pointer">
            {query}
            {"\n"}
            {" ".repeat(Math.max(0, column - 1))}
            <b aria-hidden>^</b>
          </pre>
          <span className="quiet">{t("search.at_character", { n: column })}</span>
        </>
      }
    />
  );
}
