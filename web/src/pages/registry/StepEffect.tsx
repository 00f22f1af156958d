// Before a step of its life is taken: what the checks would make of it. Asked for when the step is, as they are not free.
import { useQuery } from "@tanstack/react-query";
import { Skeleton } from "antd";
import { planPatch, type Kind, type Rec } from "../../api/registry";
import { CheckEffects } from "../../components/CheckEffects";
import { ProblemView } from "../../components/ProblemView";

export function StepEffect({ kind, rec, to }: { kind: Kind; rec: Rec; to: string }) {
  const plan = useQuery({
    queryKey: ["step", "plan", kind.name, String(rec.id), rec.rev, to],
    queryFn: () => planPatch(kind.name, rec.id, rec.rev, { state: to }, true),
    staleTime: "static",
    gcTime: 0,
  });
  if (plan.isError) return <ProblemView error={plan.error} retry={() => void plan.refetch()} />;
  if (!plan.data) return <Skeleton active paragraph={{ rows: 1 }} />;
  return plan.data.checks && <CheckEffects checks={plan.data.checks} />;
}
