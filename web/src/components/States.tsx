// States by word, shape and colour: of checks, of findings, of duties.
import {
  CheckCircleFilled,
  CheckOutlined,
  ClockCircleOutlined,
  CloseCircleFilled,
  EyeOutlined,
  FieldTimeOutlined,
  MinusCircleOutlined,
  QuestionCircleOutlined,
  StopOutlined,
  ToolOutlined,
  WarningFilled,
} from "@ant-design/icons";
import type { IconType } from "./icon";
import { useI18n } from "../i18n";

type Look = Record<string, { icon: IconType; tone: string }>;

const CHECK: Look = {
  pass: { icon: CheckCircleFilled, tone: "good" },
  fail: { icon: CloseCircleFilled, tone: "bad" },
  unknown: { icon: QuestionCircleOutlined, tone: "warn" },
  not_applicable: { icon: StopOutlined, tone: "calm" },
  waived: { icon: StopOutlined, tone: "calm" },
  none: { icon: MinusCircleOutlined, tone: "calm" },
};

const FINDING: Look = {
  open: { icon: WarningFilled, tone: "bad" },
  acknowledged: { icon: EyeOutlined, tone: "warn" },
  in_remedy: { icon: ToolOutlined, tone: "warn" },
  closed: { icon: CheckOutlined, tone: "good" },
};

const DUTY: Look = {
  late: { icon: WarningFilled, tone: "bad" },
  due: { icon: FieldTimeOutlined, tone: "bad" },
  soon: { icon: FieldTimeOutlined, tone: "warn" },
  later: { icon: ClockCircleOutlined, tone: "calm" },
  done: { icon: CheckOutlined, tone: "good" },
};

const CHANGE: Look = {
  draft: { icon: ToolOutlined, tone: "calm" },
  requested: { icon: FieldTimeOutlined, tone: "warn" },
  submitted: { icon: FieldTimeOutlined, tone: "warn" },
  approved: { icon: CheckOutlined, tone: "warn" },
  applied: { icon: CheckCircleFilled, tone: "good" },
  confirmed: { icon: CheckCircleFilled, tone: "good" },
  reverted: { icon: StopOutlined, tone: "calm" },
  rejected: { icon: CloseCircleFilled, tone: "bad" },
  withdrawn: { icon: MinusCircleOutlined, tone: "calm" },
};

function Mark({ looks, family, value }: { looks: Look; family: string; value: string }) {
  const { word } = useI18n();
  const look = looks[value] ?? { icon: MinusCircleOutlined, tone: "calm" };
  const Icon = look.icon;
  return (
    <span className={`mark ${look.tone}`}>
      <Icon aria-hidden /> {word(family, value)}
    </span>
  );
}

export const CheckState = ({ value }: { value: string }) => <Mark looks={CHECK} family="check_state" value={value} />;
export const FindingState = ({ value }: { value: string }) => <Mark looks={FINDING} family="finding_state" value={value} />;
export const DutyState = ({ value }: { value: string }) => <Mark looks={DUTY} family="duty_state" value={value} />;
export const ChangeState = ({ value }: { value: string }) => <Mark looks={CHANGE} family="change_state" value={value} />;
