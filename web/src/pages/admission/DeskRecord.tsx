// One record on the desk: what it is, which steps lead on and what they miss, and its inspections.
import { useQuery } from "@tanstack/react-query";
import { Button, Drawer } from "antd";
import { useState } from "react";
import { Link } from "react-router-dom";
import { getRecord, listRecords, type Rec } from "../../api/registry";
import { Loaded } from "../../components/Loaded";
import { Panel } from "../../components/Page";
import { useRole } from "../../hooks/session";
import { useI18n } from "../../i18n";
import type { Desk } from "../../lib/admission";
import { recordPath } from "../../lib/paths";
import { Value } from "../registry/Value";
import { fieldOf } from "../../hooks/schema";
import { ProofForm } from "./ProofForm";
import { ProofView } from "./ProofView";
import { StepList } from "./StepList";

interface Props {
  desk: Desk;
  id: string;
  onClose: () => void;
}

export function DeskRecord({ desk, id, onClose }: Props) {
  const { label } = useI18n();
  const query = useQuery({ queryKey: ["record", desk.kind.name, id], queryFn: () => getRecord(desk.kind.name, id) });
  const rec = query.data;
  return (
    <Drawer open width={680} onClose={onClose} title={rec ? rec.title || rec.key : label(desk.kind.label)} className="desk-record">
      <Loaded query={query}>{(r) => <Body desk={desk} rec={r} />}</Loaded>
    </Drawer>
  );
}

function Body({ desk, rec }: { desk: Desk; rec: Rec }) {
  const { t, label } = useI18n();
  const may = useRole("operator");
  const [writing, setWriting] = useState(false);
  const proofs = useQuery({
    queryKey: ["desk", "proofs", desk.proof.name, "of", String(rec.id)],
    queryFn: () => listRecords(desk.proof.name, new URLSearchParams({ [desk.use.by]: String(rec.id), order: "-id", limit: "20" })),
  });
  const shown = desk.kind.columns.filter((c) => c !== desk.kind.title);
  return (
    <>
      <dl className="data">
        {[...shown, "created_by"].map((name) => (
          <div key={name}>
            <dt>{name === "state" ? t("field.state") : name === "created_by" ? t("field.created_by") : label(fieldOf(desk.kind, name)?.label)}</dt>
            <dd>
              <Value kind={desk.kind} name={name} value={rec[name]} id={rec.id} />
            </dd>
          </div>
        ))}
      </dl>
      <p>
        <Link to={recordPath(desk.kind.name, rec.id)}>{t("admission.whole")}</Link>
      </p>
      <StepList desk={desk} rec={rec} />
      <Panel title={label(desk.proof.label)} extra={may && !writing && <Button onClick={() => setWriting(true)}>{t("admission.write")}</Button>}>
        {writing && <ProofForm desk={desk} rec={rec} onDone={() => setWriting(false)} />}
        <Loaded query={proofs}>
          {({ items }) =>
            items.length ? (
              <ul className="rows">
                {items.map((p) => (
                  <ProofView key={String(p.id)} desk={desk} rec={rec} proof={p} />
                ))}
              </ul>
            ) : (
              <p className="quiet">{t("admission.no_proof_yet")}</p>
            )
          }
        </Loaded>
      </Panel>
    </>
  );
}
