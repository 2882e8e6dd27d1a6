// The network service: Neutron's v2.0 API over SQL, with OVN brought in line behind it.
import type { Api, Route } from '#platform/http/api.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { openDatabase, type Database } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { createPlacementClient } from '#platform/clients/placement.ts';
import { causeChain } from '#platform/errors/domain-error.ts';
import { addressGroupPolicy, addressGroupRoutes } from './address-groups/routes.ts';
import { addressScopePolicy, addressScopeRoutes } from './address-scopes/routes.ts';
import { agentPolicy, agentRoutes } from './agents/routes.ts';
import { autoTopologyPolicy, autoTopologyRoutes } from './auto-allocated-topology/routes.ts';
import { availabilityZonePolicy, availabilityZoneRoutes } from './availability-zones/routes.ts';
import { resolveConfig, type NetworkConfig, type ResolvedNetworkConfig } from './config.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { renderFault, schemaMessage } from './errors.ts';
import type { Bus } from '#platform/bus/bus.ts';
import type { Log } from '#platform/log/log.ts';
import { publishChange, publishPort } from './events.ts';
import { extensionRoutes } from './extensions/routes.ts';
import { floatingIpPoolPolicy, floatingIpPoolRoutes } from './floatingip-pools/routes.ts';
import { floatingIpPolicy, floatingIpRoutes } from './floatingips/routes.ts';
import { startReportBandwidth } from './loops/report-bandwidth.ts';
import { networkMigrations } from './migrations/all.ts';
import { ipAvailabilityPolicy, ipAvailabilityRoutes } from './network-ip-availabilities/routes.ts';
import { networkPolicy } from './networks/policy.ts';
import { networkRoutes } from './networks/routes.ts';
import type { Northbound, ResourceRef } from './northbound.ts';
import { COMMON_POLICY } from './policy.ts';
import { portBindingPolicy, portBindingRoutes } from './port-bindings/routes.ts';
import { portForwardingPolicy, portForwardingRoutes } from './port-forwardings/routes.ts';
import { portPolicy } from './ports/policy.ts';
import { portRoutes } from './ports/routes.ts';
import { portStatus, type PortStatus } from './ports/status.ts';
import { qosPolicy } from './qos-policies/policy.ts';
import { qosPolicyRoutes } from './qos-policies/routes.ts';
import { quotaPolicy, quotaRoutes } from './quotas/routes.ts';
import { rbacPolicy, rbacPolicyRoutes } from './rbac-policies/routes.ts';
import { registerRules } from './rest/crud.ts';
import type { NetworkDeps } from './rest/deps.ts';
import { NorthboundWork } from './rest/northbound-work.ts';
import { findRow } from './rest/select.ts';
import { routerPolicy } from './routers/policy.ts';
import { routerRoutes } from './routers/routes.ts';
import { securityGroupRuleRoutes } from './security-group-rules/routes.ts';
import { securityGroupPolicy } from './security-groups/policy.ts';
import { securityGroupRoutes } from './security-groups/routes.ts';
import { segmentPolicy, segmentRoutes } from './segments/routes.ts';
import { serviceProviderRoutes } from './service-providers/routes.ts';
import { subnetPoolPolicy, subnetPoolRoutes } from './subnetpools/routes.ts';
import { subnetPolicy } from './subnets/policy.ts';
import { subnetRoutes } from './subnets/routes.ts';
import type { NetworkTables } from './tables.ts';
import { allTagRoutes } from './tags/all-routes.ts';
import { trunkPolicy, trunkRoutes } from './trunks/routes.ts';

const ROUTES: readonly Route<NetworkDeps>[] = [
  ...discoveryRoutes,
  ...extensionRoutes,
  ...networkRoutes,
  ...subnetRoutes,
  ...subnetPoolRoutes,
  ...addressScopeRoutes,
  ...portRoutes,
  ...portBindingRoutes,
  ...routerRoutes,
  ...floatingIpRoutes,
  ...floatingIpPoolRoutes,
  ...portForwardingRoutes,
  ...securityGroupRoutes,
  ...securityGroupRuleRoutes,
  ...addressGroupRoutes,
  ...qosPolicyRoutes,
  ...rbacPolicyRoutes,
  ...quotaRoutes,
  ...agentRoutes,
  ...availabilityZoneRoutes,
  ...ipAvailabilityRoutes,
  ...serviceProviderRoutes,
  ...autoTopologyRoutes,
  ...trunkRoutes,
  ...segmentRoutes,
  ...allTagRoutes,
];

export const NETWORK_POLICY = [
  ...COMMON_POLICY,
  ...networkPolicy,
  ...subnetPolicy,
  ...subnetPoolPolicy,
  ...addressScopePolicy,
  ...portPolicy,
  ...portBindingPolicy,
  ...routerPolicy,
  ...floatingIpPolicy,
  ...floatingIpPoolPolicy,
  ...portForwardingPolicy,
  ...securityGroupPolicy,
  ...addressGroupPolicy,
  ...qosPolicy,
  ...rbacPolicy,
  ...quotaPolicy,
  ...agentPolicy,
  ...availabilityZonePolicy,
  ...ipAvailabilityPolicy,
  ...autoTopologyPolicy,
  ...trunkPolicy,
  ...segmentPolicy,
];

/** What an implementation of `Northbound` is made with. */
export interface NorthboundAccess {
  readonly context: ServiceContext;
  readonly config: ResolvedNetworkConfig;
  /** The service's own tables, to read what OVN should hold and to clear `northbound_work`. */
  readonly db: Database<NetworkTables>;
}

/** A northbound that runs: `start` begins its loops, disposal ends them. */
export interface RunningNorthbound extends Northbound, AsyncDisposable {
  start(): Promise<void>;
}

/** @param connect makes the link to OVN (or a model of it); its loops begin with the service's `start`. */
export async function createNetworkService(
  context: ServiceContext,
  config: NetworkConfig,
  connect: (access: NorthboundAccess) => Promise<RunningNorthbound>,
): Promise<Service<NetworkDeps>> {
  const resolved = resolveConfig(config);
  const db = openDatabase<NetworkTables>(context.databaseUrl);
  await migrate(db, 'network', networkMigrations);
  const northbound = await connect({ context, config: resolved, db });
  const work = new NorthboundWork({
    db,
    northbound,
    clock: context.clock,
    log: context.log,
    deadlineMs: resolved.northboundDeadlineMs,
    announce: (refs) => announceChange(context.bus, context.log, refs),
  });
  const { bus, clock, log } = context;
  const deps: NetworkDeps = {
    db,
    northbound,
    work,
    config: resolved,
    clock,
    bus,
    log,
    projectsWithDefaultGroup: new Set(),
  };
  const enforcer = new Enforcer(NETWORK_POLICY, context.policyOverrides);
  registerRules(deps, (rule) => enforcer.has(rule));
  announcePorts(deps);
  const api: Api<NetworkDeps> = {
    name: 'network',
    prefix: '/network',
    routes: ROUTES,
    deps,
    enforcer,
    renderFault,
    schemaMessage,
    bodyRules: {
      order: 'token, body, schema, rule',
      ignoredOf: ['GET', 'HEAD', 'DELETE'],
      isJson: () => true,
    },
  };
  let reporting: AsyncDisposable | undefined;
  return {
    name: 'network',
    api,
    start: async () => {
      await northbound.start();
      reporting ??= reportBandwidth(context, deps);
    },
    [Symbol.asyncDispose]: async () => {
      await reporting?.[Symbol.asyncDispose]();
      await work[Symbol.asyncDispose]();
      await northbound[Symbol.asyncDispose]();
      await db[Symbol.asyncDispose]();
    },
  };
}

function reportBandwidth(context: ServiceContext, deps: NetworkDeps): AsyncDisposable | undefined {
  const bandwidths = deps.config.resourceProviderBandwidths;
  if (Object.keys(bandwidths).length === 0) return undefined;
  return startReportBandwidth({
    northbound: deps.northbound,
    placement: createPlacementClient(context.peer('placement')),
    serviceToken: context.serviceToken,
    bandwidths,
    now: () => context.clock.now(),
    log: context.log,
  });
}

function announceChange(bus: Bus, log: Log, refs: readonly ResourceRef[]): void {
  publishChange(bus, refs).catch((error: unknown) =>
    log.warn({ causes: causeChain(error) }, 'a change could not be announced'),
  );
}

/** Nudges those who wait for a port (compute, before it reports a server's interface) when its status changes. */
function announcePorts(deps: NetworkDeps): void {
  const last = new Map<string, PortStatus>();
  const announce = async (portId: string): Promise<void> => {
    const row = await findRow(deps.db.kysely, 'ports', portId);
    if (!row) return void last.delete(portId);
    const state = deps.northbound.portState(portId);
    const status = portStatus(row, state);
    if (last.get(portId) === status) return;
    last.set(portId, status);
    await publishPort(deps.bus, { port_id: portId, device_id: row.device_id, status, host: state.host });
  };
  deps.northbound.onPortState((portId) => {
    announce(portId).catch((error: unknown) =>
      deps.log.warn({ port_id: portId, causes: causeChain(error) }, 'port status could not be announced'),
    );
  });
}
