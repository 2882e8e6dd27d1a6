// Every route and action of every service as a request that would be right: real ids in its path, a body that fits.
import { collectRoutes, type IndexedRoute } from '#cli/api-index/collect.ts';
import { findProblem, schemaFor } from '#platform/http/validate.ts';
import { parseMicroversion } from '#platform/microversion/microversion.ts';
import type { TSchema } from 'typebox';
import { NEWEST, type Ids } from './belongings.ts';
import { rightBody } from './right-bodies.ts';

export interface Target {
  /** `compute POST /v2.1/servers/:id/action os-start`, as exceptions name it. */
  readonly name: string;
  readonly service: IndexedRoute['service'];
  readonly method: string;
  /** With the service's prefix and real ids. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly schema: TSchema | undefined;
  readonly writes: boolean;
  readonly auth: 'token' | 'optional' | 'none';
  /** Upstream took it out: whoever has a token is answered 410. */
  readonly gone: boolean;
  /** A rule of the route itself, which is checked before anything is looked up. */
  readonly policy: string | undefined;
  readonly params: readonly string[];
  /** The path with another text in the place of one parameter. */
  pathWith(param: string, value: string): string;
}

/** Where the content is not JSON. */
const CONTENT_TYPES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'image PUT /v2/images/:image/file': { 'content-type': 'application/octet-stream' },
  'image PUT /v2/images/:image/stage': { 'content-type': 'application/octet-stream' },
  'image PATCH /v2/images/:image': { 'content-type': 'application/openstack-images-v2.1-json-patch' },
};

/** The id of nothing. */
export const NOTHING = '99999999-aaaa-4bbb-8ccc-dddddddddddd';

/** What collectTargets did not find: routes that were added without a word here. */
export const missing = new Set<string>();

/** What stands for a parameter; the longest prefix of the route's path that is here counts. */
const PARAMS: Readonly<Record<string, string>> = {
  'identity /v3/credentials/:id': 'credential',
  'identity /v3/domains/:id': 'domain',
  'identity /v3/domains/:target_id': 'domain',
  'identity /v3/endpoints/:id': 'endpoint',
  'identity /v3/groups/:id': 'group',
  'identity /v3/policies/:id': 'policy',
  'identity /v3/projects/:id': 'projectA',
  'identity /v3/projects/:target_id': 'projectA',
  'identity /v3/OS-INHERIT/domains/:target_id': 'domain',
  'identity /v3/OS-INHERIT/projects/:target_id': 'projectA',
  'identity /v3/regions/:id': 'region',
  'identity /v3/roles/:id': 'role',
  'identity /v3/roles/:id/implies/:implied_id': 'implied',
  'identity /v3/services/:id': 'service',
  'identity /v3/OS-TRUST/trusts/:id': 'trust',
  'identity /v3/OS-OAUTH1/authorize/:id': '=no-request-token',
  'identity /v3/OS-OAUTH1/consumers/:id': 'consumer',
  'identity /v3/users/:id/OS-OAUTH1/access_tokens/:token_id': '=no-access-token',
  'identity /v3/limits/:id': 'limit',
  'identity /v3/registered_limits/:id': 'registered_limit',
  'identity /v3/users/:id': 'alice',
  'identity /v3/users/:id/access_rules/:rule_id': 'access_rule',
  'identity /v3/users/:id/application_credentials/:credential_id': 'application_credential',
  'identity /v3/users/:id/credentials/OS-EC2/:access': '=a',
  'identity :user_id': 'alice',
  'identity :role_id': 'member',
  'identity :endpoint_id': 'endpoint',
  'identity :service_id': 'service',
  'identity :region_id': 'region',
  'identity :group_id': 'endpoint_group',
  'identity :project_id': 'projectA',
  'identity :group': '=identity',
  'identity :option': '=driver',
  'compute /v2.1/extensions/:alias': '=servers',
  'compute /v2.1/flavors/:id': 'flavor',
  'compute /v2.1/flavors/:id/os-extra_specs/:key': '=a:b',
  'compute /v2.1/images/:id': 'image',
  'compute /v2.1/images/:id/metadata/:key': '=k',
  'compute /v2.1/os-aggregates/:id': 'aggregate',
  'compute /v2.1/os-baremetal-nodes/:id': '=a-node',
  'compute /v2.1/os-console-auth-tokens/:token': 'console',
  'compute /v2.1/os-floating-ips/:id': 'floatingip',
  'compute /v2.1/os-hosts/:host': '=nowhere',
  'compute /v2.1/os-hypervisors/:id': 'hypervisor',
  'compute /v2.1/os-instance_usage_audit_log/:id': '=2026-01-15 00:00:00',
  'compute /v2.1/os-keypairs/:name': 'keypair',
  'compute /v2.1/os-networks/:id': 'network',
  'compute /v2.1/os-quota-class-sets/:id': '=default',
  'compute /v2.1/os-quota-sets/:id': 'projectA',
  'compute /v2.1/os-security-groups/:id': 'security_group',
  'compute /v2.1/os-security-group-rules/:id': 'security_group_rule',
  'compute /v2.1/os-server-groups/:id': 'server_group',
  'compute /v2.1/os-services/:id': 'compute_service',
  'compute /v2.1/os-simple-tenant-usage/:id': 'projectA',
  'compute /v2.1/os-snapshots/:id': 'volume_snapshot',
  'compute /v2.1/os-tenant-networks/:id': 'network',
  'compute /v2.1/os-volumes/:id': 'volume',
  'compute /v2.1/servers/:id': 'server',
  'compute /v2.1/servers/:id/ips/:label': '=a-net',
  'compute /v2.1/servers/:id/metadata/:key': '=k',
  'compute /v2.1/servers/:id/migrations/:migration': '=7',
  'compute /v2.1/servers/:id/os-instance-actions/:request': 'request',
  'compute /v2.1/servers/:id/os-interface/:port': 'server_port',
  'compute /v2.1/servers/:id/os-volume_attachments/:volume': 'volume',
  'compute /v2.1/versions/:id': '=v2.1',
  'placement /allocations/:consumer': 'server',
  'placement /resource_classes/:name': '=CUSTOM_A',
  'placement /traits/:name': '=CUSTOM_A',
  'placement /resource_providers/:id': 'provider',
  'placement /resource_providers/:id/inventories/:class': '=VCPU',
  'image /v2/images/:image': 'image',
  'image /v2/images/:image/members/:member': '=third-project',
  'image /v2/tasks/:task': 'image_task',
  'image /v2/metadefs/namespaces/:namespace': '=OS::A',
  'image /v2/metadefs/namespaces/:namespace/resource_types/:type': '=OS::Glance::Image',
  'image /v2/metadefs/namespaces/:namespace/objects/:item': '=an-object',
  'image /v2/metadefs/namespaces/:namespace/properties/:item': '=a-property',
  'image /v2/metadefs/namespaces/:namespace/tags/:item': '=a-tag',
  'image /v2/stores/:store': '=file',
  'image /v2/stores/:store/:image': 'image',
  'network /v2.0/address-groups/:id': 'address_group',
  'network /v2.0/address-scopes/:id': 'address_scope',
  'network /v2.0/agents/:id': 'agent',
  'network /v2.0/auto-allocated-topology/:id': 'projectA',
  'network /v2.0/extensions/:alias': '=router',
  'network /v2.0/floatingips/:id': 'floatingip',
  'network /v2.0/network-ip-availabilities/:id': 'network',
  'network /v2.0/floatingips/:id/port_forwardings/:forwarding_id': 'port_forwarding',
  'network /v2.0/networks/:id': 'network',
  'network /v2.0/ports/:id': 'port',
  'network /v2.0/ports/:id/bindings/:host': '=sim-1',
  'network /v2.0/policies/:id': 'qos_policy',
  'network /v2.0/qos/policies/:id': 'qos_policy',
  'network /v2.0/qos/policies/:id/bandwidth_limit_rules/:rule_id': 'bandwidth_limit_rule',
  'network /v2.0/qos/alias_bandwidth_limit_rules/:rule_id': 'bandwidth_limit_rule',
  'network /v2.0/qos/policies/:id/dscp_marking_rules/:rule_id': 'dscp_marking_rule',
  'network /v2.0/qos/alias_dscp_marking_rules/:rule_id': 'dscp_marking_rule',
  'network /v2.0/qos/policies/:id/minimum_bandwidth_rules/:rule_id': 'minimum_bandwidth_rule',
  'network /v2.0/qos/alias_minimum_bandwidth_rules/:rule_id': 'minimum_bandwidth_rule',
  'network /v2.0/qos/rule-types/:type': '=dscp_marking',
  'network /v2.0/quotas/:id': 'projectA',
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
  'volume /v3/capabilities/:id': 'volume_host',
  'volume /v3/clusters/:id': '=a-cluster',
  'volume /v3/default-types/:id': 'projectA',
  'volume /v3/extensions/:id': '=os-hosts',
  'volume /v3/cgsnapshots/:id': 'volume_group_snapshot',
  'volume /v3/consistencygroups/:id': 'volume_group',
  'volume /v3/group_snapshots/:id': 'volume_group_snapshot',
  'volume /v3/group_types/:id': 'volume_group_type',
  'volume /v3/group_types/:id/group_specs/:key': '=k',
  'volume /v3/groups/:id': 'volume_group',
  'volume /v3/messages/:id': 'volume_message',
  'volume /v3/os-hosts/:id': 'volume_host',
  'volume /v3/os-quota-class-sets/:id': '=default',
  'volume /v3/os-quota-sets/:id': 'projectA',
  'volume /v3/os-volume-transfer/:id': 'volume_transfer',
  'volume /v3/qos-specs/:id': 'volume_qos',
  'volume /v3/snapshots/:id': 'volume_snapshot',
  'volume /v3/snapshots/:id/metadata/:key': '=k',
  'volume /v3/types/:id': 'volume_type',
  'volume /v3/types/:id/encryption/:key': '=provider',
  'volume /v3/types/:id/extra_specs/:key': '=volume_backend_name',
  'volume /v3/volume-transfers/:id': 'volume_transfer',
  'volume /v3/volumes/:id': 'volume',
  'volume /v3/volumes/:id/encryption/:key': '=encryption_key_id',
  'volume /v3/volumes/:id/metadata/:key': '=k',
};

export async function collectTargets(ids: Ids): Promise<Target[]> {
  return (await collectRoutes()).map((route) => targetOf(route, ids));
}

function targetOf({ service, route, action }: IndexedRoute, ids: Ids): Target {
  const name = [service, route.method, route.path, action?.key].filter(Boolean).join(' ');
  const { until, body: schemas } = action ?? route;
  const version =
    service === 'compute' || service === 'placement' || service === 'volume'
      ? (until ?? route.until ?? NEWEST[service])
      : undefined;
  const schema =
    schemas && version
      ? schemaFor(schemas, parseMicroversion(version)!)
      : schemaFor(schemas ?? [], { major: 1, minor: 0 });
  const params = [...route.path.matchAll(/:(\w+)/g)].map((match) => match[1] ?? '');
  const gone = (action ?? route).success === 410;
  const values = new Map(params.map((param) => [param, valueOf(service, route.path, param, ids, gone)]));
  const pathOf = (replaced: ReadonlyMap<string, string>): string =>
    `/${service}${route.path.replaceAll(/:(\w+)/g, (_, param: string) => replaced.get(param) ?? '')}`;
  const body = rightBody(`${service} ${route.method} ${route.path}${action ? ` ${action.key}` : ''}`, ids);
  const problem = schema && findProblem(schema, body);
  if (problem) missing.add(`right-bodies.ts: ${name}: ${JSON.stringify(problem)}`);
  return {
    name,
    service,
    method: route.method,
    path: pathOf(values),
    headers: {
      ...(version === undefined ? {} : { 'openstack-api-version': `${service} ${version}` }),
      ...CONTENT_TYPES[name],
    },
    body: action && body === undefined ? { [action.key]: null } : body,
    schema,
    writes: !['GET', 'HEAD'].includes(route.method),
    auth: route.auth ?? 'token',
    gone,
    policy: action?.policy ?? route.policy,
    params,
    pathWith: (param, value) => pathOf(new Map([...values, [param, value]])),
  };
}

/** @param gone whether any text stands for the parameter */
function valueOf(service: string, path: string, param: string, ids: Ids, gone: boolean): string {
  if (param === 'tag') return 'blue';
  if (param === 'actor_id') return (path.includes('/groups/') ? ids['group'] : ids['alice']) ?? '';
  const upTo = path.slice(0, path.indexOf(`:${param}`) + param.length + 1);
  const key = PARAMS[`${service} ${upTo}`] ?? PARAMS[`${service} :${param}`];
  if (key === undefined) {
    if (!gone) missing.add(`targets.ts, PARAMS: ${service} ${upTo}`);
    return NOTHING;
  }
  const value = key.startsWith('=') ? key.slice(1) : ids[key];
  if (value === undefined) throw new Error(`belongings.ts has made no ${key}`);
  return encodeURIComponent(value);
}
