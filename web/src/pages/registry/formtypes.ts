export type { Field, Kind, Rec } from "../../api/registry";

export interface ProblemFields {
  fields: Record<string, string[]>;
  rest: string[];
}
