// QoS policies, their rules, and what they hang on: administrators make them, a project uses what is shared with it.
import type { Area } from '../conversation.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export const qosSteps: Area['steps'] = [
  { run: 'network qos rule type list', rows: [{ Type: 'bandwidth_limit' }, { Type: 'dscp_marking' }] },
  {
    run: 'network qos rule type show dscp_marking',
    as: 'admin',
    has: { rule_type_name: 'dscp_marking', drivers: [{ name: 'ovn' }] },
  },
  { run: 'network qos policy create mine', fails: /403|policy|Forbidden/i },
  {
    run: 'network qos policy create --description Slow --share slow',
    as: 'admin',
    has: { id: UUID, name: 'slow', description: 'Slow', shared: true, is_default: false, rules: [] },
    keep: { policy: 'id' },
  },
  { run: 'network qos policy list', rows: [{ ID: '{policy}', Name: 'slow', Shared: true, Default: false }] },
  {
    run: 'network qos rule create --type bandwidth-limit --max-kbps 3000 --max-burst-kbits 300 --egress slow',
    as: 'admin',
    has: { id: UUID, max_kbps: 3000, max_burst_kbps: 300, direction: 'egress' },
    keep: { limit: 'id' },
  },
  {
    run: 'network qos rule create --type dscp-marking --dscp-mark 26 slow',
    as: 'admin',
    has: { dscp_mark: 26 },
    keep: { mark: 'id' },
  },
  {
    run: 'network qos rule create --type dscp-marking --dscp-mark 8 slow',
    as: 'admin',
    fails: /409|has a rule dscp_marking/,
  },
  {
    run: 'network qos rule create --type minimum-bandwidth --min-kbps 9000 --egress slow',
    as: 'admin',
    fails: /existing rule of type bandwidth_limit/,
  },
  { run: 'network qos rule set --max-kbps 4000 slow {limit}', as: 'admin' },
  { run: 'network qos rule show slow {limit}', has: { max_kbps: 4000, max_burst_kbps: 300 } },
  {
    run: 'network qos rule list slow',
    rows: [
      { ID: '{limit}', Type: 'bandwidth_limit', 'Max Kbps': 4000 },
      { ID: '{mark}', Type: 'dscp_marking', 'DSCP mark': 26 },
    ],
    count: 2,
  },
  { run: 'network create --qos-policy slow net-q', has: { qos_policy_id: '{policy}' } },
  {
    run: 'port create --network net-q port-q',
    has: { qos_policy_id: null, qos_network_policy_id: '{policy}' },
  },
  { run: 'port set --qos-policy slow port-q' },
  { run: 'port show port-q', has: { qos_policy_id: '{policy}' } },
  { run: 'network qos policy delete slow', as: 'admin', fails: /is used by network/ },
  { run: 'network set --no-qos-policy net-q' },
  { run: 'port unset --qos-policy port-q' },
  {
    run: 'floating ip create --qos-policy slow public',
    has: { qos_policy_id: '{policy}' },
    keep: { limited: 'id' },
  },
  { run: 'floating ip delete {limited}' },
  { run: 'port delete port-q' },
  { run: 'network delete net-q' },
  { run: 'network qos rule delete slow {mark}', as: 'admin' },
  { run: 'network qos policy delete slow', as: 'admin' },
  { run: 'network qos policy list', lacks: [{ Name: 'slow' }] },
];
