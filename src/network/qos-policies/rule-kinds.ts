// The kinds of QoS rules that OVN can do: their attributes, how a body becomes a row and a row a view. Pure.
import { Type, type TSchema } from 'typebox';
import { invalidInput } from '../errors.ts';
import { Int, readInt, readText } from '../rest/attributes.ts';
import type { Input, View } from '../rest/deps.ts';
import type { QosRuleRow } from '../tables.ts';

export type RuleType = QosRuleRow['type'];
type Values = Omit<QosRuleRow, 'id' | 'qos_policy_id' | 'type'>;

export interface RuleParameter {
  readonly parameter_name: string;
  readonly parameter_type: 'range' | 'choices';
  readonly parameter_values:
    | { readonly start: number; readonly end: number }
    | ReadonlyArray<number | string>;
}

export interface RuleKind {
  readonly type: RuleType;
  /** Key of one in bodies: `bandwidth_limit_rule`; its plural is in the path. */
  readonly name: string;
  readonly attributes: Readonly<Record<string, TSchema>>;
  readonly required: readonly string[];
  readonly parameters: readonly RuleParameter[];
  /** Over what `before` says, if there was one. @throws NetworkError 400 */
  read(input: Input, before: QosRuleRow | undefined): Values;
  view(row: QosRuleRow): View;
}

const MOST = 2_147_483_647;
/** Those that have a meaning: class selectors, assured and expedited forwarding, voice admitted is not among upstream's. */
const MARKS = [0, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 32, 34, 36, 38, 40, 46, 48, 56];
const DIRECTIONS = ['ingress', 'egress'];
const Direction = Type.Union([Type.Literal('ingress'), Type.Literal('egress')]);

const NOTHING = { max_kbps: null, max_burst_kbps: null, dscp_mark: null, min_kbps: null };

function readAmount(input: Input, name: string, otherwise: number): number {
  const value = readInt(input, name) ?? otherwise;
  if (value < 0 || value > MOST)
    throw invalidInput(`'${value}' is not in the range 0 to ${MOST} for ${name}`);
  return value;
}

function readDirection(input: Input, before: QosRuleRow | undefined): QosRuleRow['direction'] {
  return readText(input, 'direction', before?.direction ?? 'egress') === 'ingress' ? 'ingress' : 'egress';
}

const amount = (parameter_name: string): RuleParameter => ({
  parameter_name,
  parameter_type: 'range',
  parameter_values: { start: 0, end: MOST },
});
const direction: RuleParameter = {
  parameter_name: 'direction',
  parameter_type: 'choices',
  parameter_values: DIRECTIONS,
};

const bandwidthLimit: RuleKind = {
  type: 'bandwidth_limit',
  name: 'bandwidth_limit_rule',
  attributes: { max_kbps: Int, max_burst_kbps: Int, direction: Direction },
  required: ['max_kbps'],
  parameters: [amount('max_kbps'), amount('max_burst_kbps'), direction],
  read: (input, before) => ({
    ...NOTHING,
    direction: readDirection(input, before),
    max_kbps: readAmount(input, 'max_kbps', before?.max_kbps ?? 0),
    max_burst_kbps: readAmount(input, 'max_burst_kbps', before?.max_burst_kbps ?? 0),
  }),
  view: ({ id, max_kbps, max_burst_kbps, direction: way }) => ({
    id,
    max_kbps,
    max_burst_kbps,
    direction: way,
  }),
};

const dscpMarking: RuleKind = {
  type: 'dscp_marking',
  name: 'dscp_marking_rule',
  attributes: { dscp_mark: Int },
  required: ['dscp_mark'],
  parameters: [{ parameter_name: 'dscp_mark', parameter_type: 'choices', parameter_values: MARKS }],
  read: (input, before) => {
    const mark = readInt(input, 'dscp_mark') ?? before?.dscp_mark ?? 0;
    if (!MARKS.includes(mark)) throw invalidInput(`'${mark}' is not in ${MARKS.join(', ')}`);
    return { ...NOTHING, direction: 'egress', dscp_mark: mark };
  },
  view: ({ id, dscp_mark }) => ({ id, dscp_mark }),
};

const minimumBandwidth: RuleKind = {
  type: 'minimum_bandwidth',
  name: 'minimum_bandwidth_rule',
  attributes: { min_kbps: Int, direction: Direction },
  required: ['min_kbps'],
  parameters: [amount('min_kbps'), direction],
  read: (input, before) => ({
    ...NOTHING,
    direction: readDirection(input, before),
    min_kbps: readAmount(input, 'min_kbps', before?.min_kbps ?? 0),
  }),
  view: ({ id, min_kbps, direction: way }) => ({ id, min_kbps, direction: way }),
};

export const RULE_KINDS: readonly RuleKind[] = [bandwidthLimit, dscpMarking, minimumBandwidth];

export function kindOf(type: RuleType): RuleKind {
  return RULE_KINDS.find((kind) => kind.type === type) ?? bandwidthLimit;
}
