// The network service mounted for its tests, with the model of OVN behind it.
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import type { Api, Route } from '#platform/http/api.ts';
import type { NetworkDeps } from '#network/rest/deps.ts';
import type { ServiceContext } from '#platform/service/service.ts';
import type { NetworkConfig } from '#network/config.ts';
import { createNetworkService } from '#network/service.ts';
import { mountForTest, type Answer, type JsonValue, type Mounted } from './service-harness.ts';
import { modelNorthbound, type NorthboundModel } from './northbound-model.ts';

export interface NetworkHarness extends Mounted, AsyncDisposable {
  readonly northbound: NorthboundModel;
  readonly context: ServiceContext;
  readonly api: Api<NetworkDeps>;
  readonly statements: () => number;
  /** The service's table of routes. */
  readonly routes: ReadonlyArray<Pick<Route<unknown>, 'method' | 'path' | 'auth'>>;
  /** POSTs `body` and insists on 201; the resource. */
  make(path: string, body: Record<string, unknown>, token?: string): Promise<JsonValue>;
  get(path: string, token?: string): Promise<Answer>;
}

const NAMES: Readonly<Record<string, string>> = {
  networks: 'network',
  subnets: 'subnet',
  ports: 'port',
  routers: 'router',
  floatingips: 'floatingip',
  subnetpools: 'subnetpool',
  'security-groups': 'security_group',
  'security-group-rules': 'security_group_rule',
  'address-scopes': 'address_scope',
  'address-groups': 'address_group',
  'rbac-policies': 'rbac_policy',
  trunks: 'trunk',
  'qos/policies': 'policy',
};

export async function networkHarness(
  config: NetworkConfig = {},
  databaseUrl = 'sqlite::memory:',
): Promise<NetworkHarness> {
  let northbound: NorthboundModel | undefined;
  const context: ServiceContext = {
    log: silentLog,
    clock: systemClock,
    bus: createInProcessBus(),
    databaseUrl,
    dataDir: '/nonexistent',
    policyOverrides: {},
    peer: () => {
      throw new Error('the network service asks no peer');
    },
    serviceToken: async () => 'service',
    region: 'RegionOne',
  };
  const service = await createNetworkService(
    context,
    config,
    async (access) => (northbound = await modelNorthbound(access)),
  );
  await service.start();
  const mounted = await mountForTest(service.api);
  if (!northbound) throw new Error('the service did not connect');
  return {
    ...mounted,
    northbound,
    context,
    api: service.api,
    routes: service.api.routes,
    statements: () => service.api.deps.db.statements,
    make: async (path, body, token = 'member') => {
      const name = NAMES[path] ?? path;
      const answer = await mounted.call('POST', `/v2.0/${path}`, { token, body: { [name]: body } });
      if (answer.status !== 201)
        throw new Error(`POST ${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`);
      return answer.body[name];
    },
    get: (path, token = 'member') => mounted.call('GET', `/v2.0/${path}`, { token }),
    [Symbol.asyncDispose]: async () => {
      await mounted.app.close();
      await service[Symbol.asyncDispose]();
      await context.bus[Symbol.asyncDispose]();
    },
  };
}
