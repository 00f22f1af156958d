// What a step of a change set asks for before it is sent.
import type { Plan } from "../../api/changes";

export interface StepForm {
  /** A reason must be given. */
  reason: boolean;
  danger: boolean;
  main: boolean;
}

const FORMS: Record<string, StepForm> = {
  submit: { reason: false, danger: false, main: true },
  take: { reason: false, danger: false, main: true },
  return: { reason: true, danger: false, main: false },
  approve: { reason: false, danger: false, main: true },
  reject: { reason: true, danger: true, main: false },
  withdraw: { reason: false, danger: true, main: false },
  apply: { reason: false, danger: false, main: true },
  "break-glass": { reason: true, danger: true, main: false },
  confirm: { reason: false, danger: false, main: true },
  review: { reason: true, danger: false, main: true },
  revert: { reason: true, danger: true, main: false },
};

export function formOf(step: string): StepForm | undefined {
  return FORMS[step];
}

/** The steps to offer, the expected one last, where the hand is. Editing has its own place. */
export function offered(may: string[], plan: Plan | undefined): string[] {
  const sound = !plan || plan.errors.length === 0;
  const wants = new Set(["submit", "approve", "apply", "break-glass"]);
  return may
    .filter((s) => s in FORMS && (sound || !wants.has(s)))
    .sort((a, b) => Number(FORMS[a].main) - Number(FORMS[b].main));
}

const WITH_REASON = new Set(["return", "reject", "withdraw", "revert", "break-glass"]);
const WITH_NOTE = new Set(["approve", "apply", "review"]);

/** The body of a step: an approval names the very plan that was on the screen. */
export function bodyOf(step: string, note: string, plan: Plan | undefined, confirm: string): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  if (note && WITH_REASON.has(step)) body.reason = note;
  if (note && WITH_NOTE.has(step)) body.note = note;
  if (step === "approve") body.hash = plan?.hash ?? "";
  if (confirm && (step === "apply" || step === "break-glass")) body.confirm_within = confirm;
  return body;
}
