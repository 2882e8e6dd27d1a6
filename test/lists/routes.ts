// What the test of statements asks: each GET route with real ids in its path. Data.
import type { IndexedRoute } from '#cli/api-index/collect.ts';
import type { Ids, ServiceName } from './world.ts';

export interface Asked {
  /** `compute /v2.1/servers`, with the query if the route is asked in several ways. */
  readonly name: string;
  readonly service: ServiceName;
  readonly as?: string;
  readonly version?: string;
  /** It answers a collection that things of users make longer. */
  readonly isList: boolean;
  path(ids: Ids): string;
}

/** Routes that are not asked, and why. */
export const NOT_ASKED: Readonly<Record<string, string>> = {
  'identity /v3/auth/tokens': 'one token',
  'identity /v3/auth/tokens/OS-PKI/revoked': 'answers that there is none',
  'compute /v2.1/os-baremetal-nodes': 'answers that there is no such service',
  'compute /v2.1/os-baremetal-nodes/:id': 'answers that there is no such service',
  'compute /v2.1/os-console-auth-tokens/:token': 'the token of one console',
  'compute /v2.1/os-hypervisors/:id/uptime': 'answers that this host does not tell',
  'compute /v2.1/servers/:id/diagnostics': 'asks the host of one server',
  'compute /v2.1/servers/:id/launch-trace': 'of a launch, which no server here has had',
  'compute /v2.1/os-hosts/:host/startup': 'answers that this is not done here',
  'compute /v2.1/os-hosts/:host/shutdown': 'answers that this is not done here',
  'compute /v2.1/os-hosts/:host/reboot': 'answers that this is not done here',
  'image /v2/images/:image/file': 'data',
  'network /v2.0/ports/:id/trace': 'of one port',
  'network /v2.0/ports/:id/bindings': 'as many as hosts that the guest of one port moves to',
  'network /v2.0/ports/:id/bindings/:host': 'of one port',
  'network /v2.0/auto-allocated-topology/:id': 'makes what it shows',
  'volume /v3/attachments/:id/encryption-secret': 'of one attachment, and for compute alone',
  'volume /v3/group_types/default': 'there is none',
  'volume /v3/qos-specs/:id/associate': 'changes it',
  'volume /v3/qos-specs/:id/disassociate': 'changes it',
  'volume /v3/qos-specs/:id/disassociate_all': 'changes it',
  'volume /v3/volumes/:id/launch-record': 'steps of one saga',
};

/**
 * Routes whose path ends in no id and that answer nothing which things of users make longer, and why: what begins so. May
 * only shrink.
 */
export const FIXED_LISTS: Readonly<Record<string, string>> = {
  'identity /v3/auth/system': 'the system or nothing',
  'identity /v3/OS-INHERIT/projects/:target_id/users/:actor_id/roles/:role_id': 'one grant',
  'identity /v3/OS-INHERIT/projects/:target_id/groups/:actor_id/roles/:role_id': 'one grant',
  'identity /v3/OS-INHERIT/domains/:target_id/users/:actor_id/roles/:role_id': 'one grant',
  'identity /v3/OS-INHERIT/domains/:target_id/groups/:actor_id/roles/:role_id': 'one grant',
  'identity /v3/domains/config': 'of the program',
  'identity /v3/domains/:id/config': 'options of one domain',
  'identity /v3/endpoints/:endpoint_id/OS-ENDPOINT-POLICY/policy': 'one policy',
  'identity /v3/limits/model': 'of the program',
  'compute /v2.1/extensions': 'of the program',
  'compute /v2.1/os-hypervisors/statistics': 'sums',
  'compute /v2.1/os-instance_usage_audit_log': 'sums',
  'compute /v2.1/limits': 'sums',
  'compute /v2.1/os-quota-sets/:id/defaults': 'limits',
  'compute /v2.1/os-quota-sets/:id/detail': 'limits and sums',
  'compute /v2.1/servers/:id/os-server-password': 'one text',
  'compute /v2.1/servers/:id/topology': 'one flavor',
  'image /versions': 'of the program',
  'image /v2/info': 'of the configuration',
  'image /v2/images/:image/locations': 'as many as stores',
  'image /v2/schemas': 'of the program',
  'network /v2.0/agents': 'of the hosts that OVN has',
  'network /v2.0/availability_zones': 'of the configuration',
  'network /v2.0/extensions': 'of the program',
  'network /v2.0/qos/rule-types': 'of the program',
  'network /v2.0/qos/policies/:id/bandwidth_limit_rules': 'two at most: one a direction',
  'network /v2.0/qos/policies/:id/dscp_marking_rules': 'two at most: one a direction',
  'network /v2.0/qos/policies/:id/minimum_bandwidth_rules': 'two at most: one a direction',
  'network /v2.0/qos/rule-types/:type': 'of the program',
  'network /v2.0/quotas/tenant': 'whose quota it is',
  'network /v2.0/quotas/project': 'whose quota it is',
  'network /v2.0/quotas/:id/default': 'limits',
  'network /v2.0/quotas/:id/details': 'limits and sums',
  'network /v2.0/service-providers': 'of the configuration',
  'volume /v3/backups/:id/export_record': 'one backup',
  'volume /v3/extensions': 'of the program',
  'volume /v3/limits': 'sums',
  'volume /v3/os-availability-zone': 'of the configuration of backends',
  'volume /v3/resource_filters': 'of the program',
  'volume /v3/types/default': 'one type',
  'volume /v3/types/:id/encryption': 'one encryption',
  'volume /v3/volumes/:id/encryption': 'of one volume',
};

/** Queries that a list needs, or that make it read more than it does without; `{user}` is an id that has grown. */
const QUERIES: Readonly<Record<string, readonly string[]>> = {
  'identity /v3/OS-TRUST/trusts': ['?trustor_user_id={user}'],
  'identity /v3/role_assignments': ['', '?include_names', '?effective', '?effective&include_names'],
  'placement /allocation_candidates': ['?resources=VCPU:1'],
  'placement /usages': ['?project_id=11111111111141118111111111111111'],
  'compute /v2.1/os-hypervisors': ['', '?with_servers=true'],
  'compute /v2.1/os-hypervisors/detail': ['', '?with_servers=true'],
  'compute /v2.1/os-simple-tenant-usage': ['?detailed=1'],
  'volume /v3/manageable_volumes': ['?host=host-1@memory%23memory'],
  'volume /v3/manageable_volumes/detail': ['?host=host-1@memory%23memory'],
  'volume /v3/os-volume-manage': ['?host=host-1@memory%23memory'],
  'volume /v3/os-volume-manage/detail': ['?host=host-1@memory%23memory'],
  'volume /v3/manageable_snapshots': ['?host=host-1@memory%23memory'],
  'volume /v3/manageable_snapshots/detail': ['?host=host-1@memory%23memory'],
  'volume /v3/os-snapshot-manage': ['?host=host-1@memory%23memory'],
  'volume /v3/os-snapshot-manage/detail': ['?host=host-1@memory%23memory'],
  'volume /v3/volumes/detail': ['', '?with_count=true'],
};

/** Tables that a tenant's request may read from end to end, and why. All others grow with other tenants. May only shrink. */
export const MAY_SCAN: Readonly<Record<string, string>> = {
  aggregate_hosts: 'operators make them',
  aggregates: 'operators make them',
  compute_nodes: 'as many as hosts',
  compute_services: 'as many as hosts',
  flavor_access: 'operators make them',
  flavors: 'operators make them',
  metadef_namespaces: 'operators make them',
  metadef_resource_types: 'operators make them',
  volume_services: 'as many as backends',
  volume_type_access: 'operators make them',
  volume_types: 'operators make them',
  group_types: 'operators make them',
};

/** Who asks, where it is not who asks as a rule: the longest beginning of the path counts. */
const AS: Readonly<Record<string, string>> = {
  'identity /v3/auth': 'user',
  'identity /v3/OS-TRUST': 'user',
  'identity /v3/limits': 'system',
  'compute /v2.1/os-aggregates': 'admin',
  'compute /v2.1/os-availability-zone/detail': 'admin',
  'compute /v2.1/flavors/:id/os-flavor-access': 'admin',
  'compute /v2.1/os-hypervisors': 'admin',
  'compute /v2.1/os-instance_usage_audit_log': 'admin',
  'compute /v2.1/os-hosts': 'admin',
  'compute /v2.1/os-quota-class-sets': 'admin',
  'compute /v2.1/os-migrations': 'admin',
  'compute /v2.1/servers/:id/migrations': 'admin',
  'compute /v2.1/os-services': 'admin',
  'compute /v2.1/os-simple-tenant-usage': 'admin',
  'image /v2/info/stores/detail': 'admin',
  'image /v2/images/:image/locations': 'admin',
  'image /v2/tasks': 'admin',
  'network /v2.0/agents': 'admin',
  'network /v2.0/network-ip-availabilities': 'admin',
  'network /v2.0/quotas': 'admin',
  'network /v2.0/qos/policies': 'admin',
  'network /v2.0/qos/rule-types/:type': 'admin',
  'network /v2.0/rbac-policies': 'admin',
  'network /v2.0/segments': 'admin',
  'volume /v3/backups/:id/export_record': 'admin',
  'volume /v3/capabilities': 'admin',
  'volume /v3/clusters': 'admin',
  'volume /v3/default-types': 'admin',
  'volume /v3/group_types': 'admin',
  'volume /v3/manageable': 'admin',
  'volume /v3/os-snapshot-manage': 'admin',
  'volume /v3/os-volume-manage': 'admin',
  'volume /v3/os-hosts': 'admin',
  'volume /v3/os-services': 'admin',
  'volume /v3/qos-specs': 'admin',
  'volume /v3/os-quota-class-sets': 'admin',
  'volume /v3/scheduler-stats': 'admin',
  'volume /v3/types': 'admin',
};

/** What stands for a parameter: `=text`, or the name of an id that has grown. The longest prefix of the path counts. */
const PARAMS: Readonly<Record<string, string>> = {
  'identity :actor_id': 'user',
  'identity :id': 'user',
  'identity :role_id': 'role',
  'identity :target_id': 'project',
  'identity :user_id': 'user',
  'identity /v3/credentials/:id': 'credential',
  'identity /v3/domains/:id': 'domain',
  'identity /v3/domains/:target_id': 'domain',
  'identity /v3/domains/:target_id/groups/:actor_id': 'group',
  'identity :endpoint_id': 'endpoint',
  'identity :group_id': 'endpoint_group',
  'identity :group': '=ldap',
  'identity :option': '=url',
  'identity :project_id': 'project',
  'identity :region_id': 'region',
  'identity :service_id': 'service',
  'identity :token_id': 'access_token',
  'identity /v3/endpoints/:id': 'endpoint',
  'identity /v3/limits/:id': 'limit',
  'identity /v3/OS-OAUTH1/consumers/:id': 'consumer_of_tokens',
  'identity /v3/registered_limits/:id': 'registered_limit',
  'identity /v3/groups/:id': 'group',
  'identity /v3/OS-INHERIT/domains/:target_id': 'domain',
  'identity /v3/OS-INHERIT/domains/:target_id/groups/:actor_id': 'group',
  'identity /v3/OS-INHERIT/projects/:target_id/groups/:actor_id': 'group',
  'identity /v3/OS-TRUST/trusts/:id': 'trust',
  'identity /v3/policies/:id': 'policy',
  'identity /v3/projects/:id': 'project',
  'identity /v3/projects/:id/tags/:tag': '=tag-0',
  'identity /v3/projects/:target_id/groups/:actor_id': 'group',
  'identity /v3/regions/:id': 'region',
  'identity /v3/roles/:id': 'role',
  'identity /v3/roles/:id/implies/:implied_id': 'implied',
  'identity /v3/services/:id': 'service',
  'identity /v3/system/groups/:actor_id': 'group',
  'identity /v3/users/:id/access_rules/:rule_id': 'access_rule',
  'identity /v3/users/:id/application_credentials/:credential_id': 'application_credential',
  'identity /v3/users/:id/credentials/OS-EC2/:access': 'ec2',
  'compute /v2.1/extensions/:alias': '=NMN',
  'compute /v2.1/versions/:id': '=v2.1',
  'compute /v2.1/flavors/:id': 'flavor',
  'compute /v2.1/flavors/:id/os-flavor-access': '=closed',
  'compute /v2.1/flavors/:id/os-extra_specs/:key': '=k0',
  'compute /v2.1/images/:id': 'image',
  'compute /v2.1/images/:id/metadata/:key': '=property-0',
  'compute /v2.1/os-aggregates/:id': 'aggregate',
  'compute /v2.1/os-floating-ips/:id': 'floatingip',
  'compute /v2.1/os-hosts/:host': '=host-0',
  'compute /v2.1/os-hypervisors/:id': 'hypervisor',
  'compute /v2.1/os-hypervisors/:id/search': '=host',
  'compute /v2.1/os-hypervisors/:id/servers': '=host',
  'compute /v2.1/os-keypairs/:name': '=key-0',
  'compute /v2.1/os-instance_usage_audit_log/:id': '=2020-01-01 00:00:00',
  'compute /v2.1/os-networks/:id': 'network',
  'compute /v2.1/os-quota-class-sets/:id': '=default',
  'compute /v2.1/os-quota-sets/:id': '=11111111111141118111111111111111',
  'compute /v2.1/os-security-groups/:id': 'security_group',
  'compute /v2.1/os-server-groups/:id': 'server_group',
  'compute /v2.1/os-simple-tenant-usage/:id': '=11111111111141118111111111111111',
  'compute /v2.1/os-snapshots/:id': 'volume_snapshot',
  'compute /v2.1/os-tenant-networks/:id': 'network',
  'compute /v2.1/os-volumes/:id': 'volume_volume',
  'compute /v2.1/servers/:id': 'server',
  'compute /v2.1/servers/:id/ips/:label': '=net-0',
  'compute /v2.1/servers/:id/metadata/:key': '=k0',
  'compute /v2.1/servers/:id/migrations/:migration': 'migration',
  'compute /v2.1/servers/:id/os-instance-actions/:request': 'request',
  'compute /v2.1/servers/:id/os-interface/:port': 'server_port',
  'compute /v2.1/servers/:id/os-volume_attachments/:volume': 'server_volume',
  'compute /v2.1/servers/:id/tags/:tag': '=tag-0',
  'placement /allocations/:consumer': 'consumer',
  'placement /resource_classes/:name': '=CUSTOM_C0',
  'placement /resource_providers/:id': 'provider',
  'placement /resource_providers/:id/inventories/:class': '=VCPU',
  'placement /traits/:name': '=CUSTOM_T0',
  'image /v2/images/:image': 'image',
  'image /v2/images/:image/members/:member': 'image_member',
  'image /v2/metadefs/namespaces/:namespace': 'namespace',
  'image /v2/metadefs/namespaces/:namespace/objects/:item': '=object-0',
  'image /v2/metadefs/namespaces/:namespace/properties/:item': '=property-0',
  'image /v2/metadefs/namespaces/:namespace/tags/:item': '=tag-0',
  'image /v2/tasks/:task': 'image_task',
  'network :tag': '=all',
  'network /v2.0/address-groups/:id': 'address_group',
  'network /v2.0/address-scopes/:id': 'address_scope',
  'network /v2.0/agents/:id': 'agent',
  'network /v2.0/auto-allocated-topology/:id': '=11111111111141118111111111111111',
  'network /v2.0/extensions/:alias': '=router',
  'network :forwarding_id': 'port_forwarding',
  'network /v2.0/floatingips/:id': 'floatingip',
  'network /v2.0/floatingips/:id/port_forwardings': 'forwarding_ip',
  'network /v2.0/network-ip-availabilities/:id': 'network',
  'network /v2.0/networks/:id': 'network',
  'network /v2.0/ports/:id': 'port',
  'network /v2.0/policies/:id': 'qos_policy',
  'network /v2.0/qos/policies/:id': 'qos_policy',
  'network /v2.0/qos/rule-types/:type': '=dscp_marking',
  'network /v2.0/qos/policies/:id/bandwidth_limit_rules/:rule_id': 'bandwidth_limit_rule',
  'network /v2.0/qos/alias_bandwidth_limit_rules/:rule_id': 'bandwidth_limit_rule',
  'network /v2.0/qos/policies/:id/dscp_marking_rules/:rule_id': 'dscp_marking_rule',
  'network /v2.0/qos/alias_dscp_marking_rules/:rule_id': 'dscp_marking_rule',
  'network /v2.0/qos/policies/:id/minimum_bandwidth_rules/:rule_id': 'minimum_bandwidth_rule',
  'network /v2.0/qos/alias_minimum_bandwidth_rules/:rule_id': 'minimum_bandwidth_rule',
  'network /v2.0/quotas/:id': '=project-0',
  'network /v2.0/rbac-policies/:id': 'rbac_policy',
  'network /v2.0/routers/:id': 'router',
  'network /v2.0/security-group-rules/:id': 'security_group_rule',
  'network /v2.0/security-groups/:id': 'security_group',
  'network /v2.0/segments/:id': 'network',
  'network /v2.0/subnetpools/:id': 'subnetpool',
  'network /v2.0/subnets/:id': 'subnet',
  'network /v2.0/trunks/:id': 'trunk',
  'volume /v3/attachments/:id': 'volume_attachment',
  'volume /v3/backups/:id': 'volume_backup',
  'volume /v3/capabilities/:id': '=host-1@memory',
  'volume /v3/default-types/:id': '=project-0',
  'volume /v3/extensions/:id': '=os-hosts',
  'volume /v3/cgsnapshots/:id': 'volume_group_snapshot',
  'volume /v3/consistencygroups/:id': 'volume_group',
  'volume /v3/group_snapshots/:id': 'volume_group_snapshot',
  'volume /v3/group_types/:id': 'volume_group_type',
  'volume /v3/group_types/:id/group_specs/:key': '=k0',
  'volume /v3/groups/:id': 'volume_group',
  'volume /v3/messages/:id': 'volume_message',
  'volume /v3/clusters/:id': 'volume_cluster',
  'volume /v3/os-hosts/:id': 'volume_host',
  'volume /v3/os-quota-class-sets/:id': '=default',
  'volume /v3/os-quota-sets/:id': '=11111111111141118111111111111111',
  'volume /v3/os-volume-transfer/:id': 'volume_transfer',
  'volume /v3/qos-specs/:id': 'volume_qos_specs',
  'volume /v3/snapshots/:id': 'volume_snapshot',
  'volume /v3/snapshots/:id/metadata/:key': '=k0',
  'volume /v3/types/:id': 'volume_volume_type',
  'volume /v3/types/:id/encryption': 'encrypted_type',
  'volume /v3/types/:id/encryption/:key': '=provider',
  'volume /v3/types/:id/extra_specs/:key': '=k0',
  'volume /v3/volume-transfers/:id': 'volume_transfer',
  'volume /v3/volumes/:id': 'volume_volume',
  'volume /v3/volumes/:id/encryption/:key': '=encryption_key_id',
  'volume /v3/volumes/:id/metadata/:key': '=k0',
};

export function asked({ service, route }: IndexedRoute): Asked[] {
  const key = `${service} ${route.path}`;
  if (Object.hasOwn(NOT_ASKED, key) || route.success === 410) return [];
  const as = longestPrefix(AS, key);
  return (QUERIES[key] ?? ['']).map((query) => ({
    name: key + query,
    service,
    ...(as === undefined ? {} : { as }),
    ...(route.until === undefined ? {} : { version: route.until }),
    isList: !isShow(route.path) && longestPrefix(FIXED_LISTS, key) === undefined,
    path: (ids) =>
      route.path.replaceAll(/:(\w+)/g, (_, param: string) => encodeURIComponent(valueOf(key, param, ids))) +
      query.replaceAll(/\{(\w+)\}/g, (_, name: string) => ids[name] ?? ''),
  }));
}

/** One thing, or what versions there are. */
const isShow = (path: string): boolean => /:\w+$/.test(path) || /^\/(v\d[\d.]*)?$/.test(path);

function valueOf(key: string, param: string, ids: Ids): string {
  const service = key.slice(0, key.indexOf(' '));
  const value = longestPrefix(PARAMS, key, `:${param}`) ?? PARAMS[`${service} :${param}`];
  if (value === undefined) throw new Error(`PARAMS has nothing for ${key}, ${param}`);
  if (value.startsWith('=')) return value.slice(1);
  const id = ids[value];
  if (id === undefined) throw new Error(`nothing has grown a ${value}`);
  return id;
}

/** Of the table's names that `key` begins with, and in which `within` is the last parameter. */
function longestPrefix(
  table: Readonly<Record<string, string>>,
  key: string,
  within = '',
): string | undefined {
  const [found] = Object.keys(table)
    .filter((prefix) => key.startsWith(prefix) && prefix.slice(prefix.lastIndexOf(':')).startsWith(within))
    .toSorted((a, b) => b.length - a.length);
  return found === undefined ? undefined : table[found];
}
