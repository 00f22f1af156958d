// Which program's exports the files are, and what its mapping asks for.
import { useQuery } from "@tanstack/react-query";
import { Form, Input, Select } from "antd";
import { getMaps } from "../../api/registry";
import { useI18n } from "../../i18n";

export interface MapPick {
  map: string;
  values: Record<string, string>;
}

export const noMap: MapPick = { map: "", values: {} };

export function withText(pick: MapPick): string {
  return Object.entries(pick.values)
    .filter(([, v]) => v.trim())
    .map(([k, v]) => `${k}=${v.trim()}`)
    .join(",");
}

export function MapChoice({ pick, onChange }: { pick: MapPick; onChange: (p: MapPick) => void }) {
  const { t, label } = useI18n();
  const maps = useQuery({ queryKey: ["maps"], queryFn: getMaps });
  const own = maps.data?.items.find((m) => m.map === pick.map);
  return (
    <Form layout="vertical" component={false}>
      <div className="filters">
        <Form.Item label={t("import.map")} htmlFor="import-map">
          <Select
            id="import-map"
            style={{ width: 280 }}
            value={pick.map}
            onChange={(map: string) => onChange({ map, values: {} })}
            options={[{ value: "", label: t("import.map_none") }, ...(maps.data?.items ?? []).map((m) => ({ value: m.map, label: label(m.label) || m.map }))]}
          />
        </Form.Item>
        {(own?.parameters ?? []).map((p) => (
          <Form.Item key={p.name} label={label(p.label)} htmlFor={`import-with-${p.name}`} required={p.default === null}>
            <Input
              id={`import-with-${p.name}`}
              style={{ width: 200 }}
              placeholder={p.default ?? p.name}
              value={pick.values[p.name] ?? ""}
              onChange={(e) => onChange({ ...pick, values: { ...pick.values, [p.name]: e.target.value } })}
            />
          </Form.Item>
        ))}
      </div>
    </Form>
  );
}
