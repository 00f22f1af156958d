// Searches that are kept: open one, keep the one that stands in the box, rename, share, take away.
import { DeleteOutlined, EditOutlined, SaveOutlined, StarOutlined } from "@ant-design/icons";
import { Button, Popconfirm, Popover } from "antd";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { deleteSearch, getSearches, type SavedSearch } from "../../api/events";
import { Loaded } from "../../components/Loaded";
import { useI18n } from "../../i18n";
import { SaveSearch } from "./SaveSearch";

interface Props {
  query: string;
  onOpen: (query: string) => void;
}

export function SavedMenu({ query, onOpen }: Props) {
  const { t } = useI18n();
  const [open, setOpen] = useState(false);
  const [edit, setEdit] = useState<SavedSearch | "new" | null>(null);
  const client = useQueryClient();
  const saved = useQuery({ queryKey: ["searches"], queryFn: getSearches, enabled: open, staleTime: 10000 });
  const begin = (what: SavedSearch | "new") => {
    setOpen(false);
    setEdit(what);
  };
  return (
    <>
      <Popover
        trigger="click"
        placement="bottomRight"
        open={open}
        onOpenChange={setOpen}
        title={t("saved.title")}
        content={
          <div className="saved">
            <Loaded query={saved}>
              {({ items }) =>
                items.length ? (
                  <ul className="rows">
                    {items.map((s) => (
                      <Item
                        key={s.id}
                        s={s}
                        onOpen={() => {
                          setOpen(false);
                          onOpen(s.query);
                        }}
                        onEdit={() => begin(s)}
                      />
                    ))}
                  </ul>
                ) : (
                  <p className="quiet">{t("saved.none")}</p>
                )
              }
            </Loaded>
            <Button icon={<SaveOutlined aria-hidden />} disabled={!query.trim()} onClick={() => begin("new")}>
              {t("saved.keep")}
            </Button>
          </div>
        }
      >
        <Button icon={<StarOutlined aria-hidden />}>{t("saved.title")}</Button>
      </Popover>
      {edit && <SaveSearch query={query} search={edit === "new" ? null : edit} onClose={() => setEdit(null)} onSaved={() => void client.invalidateQueries({ queryKey: ["searches"] })} />}
    </>
  );
}

function Item({ s, onOpen, onEdit }: { s: SavedSearch; onOpen: () => void; onEdit: () => void }) {
  const { t } = useI18n();
  const client = useQueryClient();
  const remove = async () => {
    await deleteSearch(s.id);
    await client.invalidateQueries({ queryKey: ["searches"] });
  };
  return (
    <li className="saved-item">
      <div className="saved-words">
        <button type="button" className="as-link" onClick={onOpen}>
          {s.name}
        </button>{" "}
        {s.shared && <span className="quiet small">{s.own ? t("saved.shared") : t("saved.by", { name: s.by })}</span>}
        <div className="mono quiet cut" title={s.query}>
          {s.query}
        </div>
      </div>
      {s.own && (
        <>
          <Button type="text" icon={<EditOutlined aria-hidden />} aria-label={t("saved.edit_one", { name: s.name })} title={t("saved.edit")} onClick={onEdit} />
          <Popconfirm title={t("saved.delete_sure", { name: s.name })} okText={t("saved.delete")} onConfirm={remove}>
            <Button type="text" icon={<DeleteOutlined aria-hidden />} aria-label={t("saved.delete_one", { name: s.name })} title={t("saved.delete")} />
          </Popconfirm>
        </>
      )}
    </li>
  );
}
