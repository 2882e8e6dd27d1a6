// A security group as compute has always shown it: only ingress rules, `parent_group_id`, `ip_range`, `group`. Pure.
import type { SecurityGroup } from '#platform/clients/network.ts';

type Json = Record<string, unknown>;

export function securityGroupView(group: SecurityGroup, all: ReadonlyMap<string, SecurityGroup>): Json {
  return {
    id: group.id,
    name: group.name,
    description: group.description,
    tenant_id: group.project_id,
    rules: group.security_group_rules
      .filter((rule) => rule['direction'] === 'ingress')
      .map((rule) => ruleView(rule, group.id, all)),
  };
}

export function ruleView(
  rule: Readonly<Json>,
  parent: string,
  all: ReadonlyMap<string, SecurityGroup>,
): Json {
  const remote = typeof rule['remote_group_id'] === 'string' ? all.get(rule['remote_group_id']) : undefined;
  const protocol = typeof rule['protocol'] === 'string' ? rule['protocol'].toLowerCase() : null;
  const anywhere = rule['ethertype'] === 'IPv6' ? '::/0' : '0.0.0.0/0';
  return {
    id: rule['id'],
    parent_group_id: parent,
    ip_protocol: protocol,
    from_port: rule['port_range_min'] ?? (protocol === 'icmp' ? -1 : null),
    to_port: rule['port_range_max'] ?? (protocol === 'icmp' ? -1 : null),
    group: remote ? { name: remote.name, tenant_id: remote.project_id } : {},
    ip_range: rule['remote_group_id'] ? {} : { cidr: rule['remote_ip_prefix'] ?? anywhere },
  };
}
