import { expect, it } from "vitest";
import type { Clause } from "../../api/judged";
import { ids, prune, tally } from "./tree";

const c = (id: string, operative: boolean, state: string, children: Clause[] = []): Clause => ({
  id,
  number: id,
  title: { vi: id, en: id },
  text: null,
  operative,
  state,
  controls: [],
  open_findings: 0,
  children,
});
const tree = [c("A-1", false, "none", [c("A-1.1", true, "fail"), c("A-1.2", true, "pass")]), c("A-2", true, "fail")];

it("counts operative clauses by state", () => expect(tally(tree)).toEqual({ fail: 2, pass: 1 }));
it("keeps the branches that hold what fits", () => expect(ids(prune(tree, (x) => x.state === "pass"))).toEqual(["A-1", "A-1.2"]));
it("leaves nothing when nothing fits", () => expect(prune(tree, () => false)).toEqual([]));
