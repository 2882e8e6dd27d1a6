// A working model of OVN for the simulated world: ovsdb-servers in memory, what northd writes for switches, routers and
// their ports, and controllers that claim what is plugged. It moves no packets and computes no flows.
import type { Clock } from '#platform/context/clock.ts';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import type { StreamEndpoint } from '#platform/ovsdb/endpoint.ts';
import { createMemoryOvsdb, type MemoryOvsdb } from '#platform/ovsdb/memory-server.ts';
import { FakeController } from './fake/controller.ts';
import { FakeNorthd } from './fake/northd.ts';
import { northbound, southbound } from './schema.ts';

/** What goes wrong, or slowly. May be changed at any time. */
export interface FakeOvnBehaviours {
  /** How long northd takes to translate a change. */
  northdMs?: number;
  /** From a plugged interface and a binding to the claim. */
  claimMs?: number;
  /** From the claim to `up`: the time that flows take to be installed. */
  upMs?: number;
  /** The controller of `host` leaves this port alone. */
  neverClaims?: (host: string, portId: string) => boolean;
  /** northd misses that the port came up, until it looks again after `recomputeMs` (default 1 s). */
  losesPortUp?: (portId: string) => boolean;
  recomputeMs?: number;
  /** Awaited before the northbound database executes a transaction. */
  beforeCommit?: () => Promise<void>;
}

export interface FakeOvnOptions {
  readonly clock: Clock;
  readonly behaviours?: FakeOvnBehaviours;
}

export interface ChassisOptions {
  /** `physnet1:br-ex`; default as private hosts have it. */
  readonly bridgeMappings?: string;
  readonly cmsOptions?: string;
}

export interface FakeOvn extends AsyncDisposable {
  readonly nb: StreamEndpoint;
  readonly sb: StreamEndpoint;
  /** To kill them, to start them again, to drop their connections. */
  readonly nbServer: MemoryOvsdb;
  readonly sbServer: MemoryOvsdb;
  readonly behaviours: FakeOvnBehaviours;
  /** A host joins: its chassis is there when this resolves. */
  addChassis(host: string, options?: ChassisOptions): Promise<void>;
  /** An interface with this iface-id appears on the host's integration bridge. */
  plug(host: string, portId: string): void;
  unplug(host: string, portId: string): void;
  stopNorthd(): void;
  startNorthd(): void;
  stopController(host: string): void;
  startController(host: string): void;
  /** northd looks at everything anew, as it does after it lost something. */
  recompute(): void;
  close(): Promise<void>;
}

/** Its databases stand when this resolves. */
export async function createFakeOvn({ clock, behaviours = {} }: FakeOvnOptions): Promise<FakeOvn> {
  const nbServer = createMemoryOvsdb({
    name: 'OVN_Northbound',
    tables: northbound,
    beforeTransact: () => behaviours.beforeCommit?.(),
  });
  const sbServer = createMemoryOvsdb({ name: 'OVN_Southbound', tables: southbound });
  const nb = connectOvsdb({ endpoint: nbServer.endpoint, database: 'OVN_Northbound', tables: northbound });
  const sb = connectOvsdb({ endpoint: sbServer.endpoint, database: 'OVN_Southbound', tables: southbound });
  await Promise.all([nb.ready, sb.ready]);
  const global = nb.transaction();
  global.insert('NB_Global', {});
  const sbGlobal = sb.transaction();
  sbGlobal.insert('SB_Global', {});
  await Promise.all([global.commit(), sbGlobal.commit()]);
  const context = { nb, sb, clock, behaviours };
  const northd = new FakeNorthd(context);
  const controllers = new Map<string, FakeController>();
  const controllerOf = (host: string): FakeController => {
    const controller = controllers.get(host);
    if (!controller) throw new Error(`there is no chassis ${host}`);
    return controller;
  };
  const close = async (): Promise<void> => {
    for (const each of [northd, ...controllers.values()]) each.stop();
    await Promise.all([nb[Symbol.asyncDispose](), sb[Symbol.asyncDispose]()]);
    await Promise.all([nbServer[Symbol.asyncDispose](), sbServer[Symbol.asyncDispose]()]);
  };
  northd.start();
  return {
    nb: nbServer.endpoint,
    sb: sbServer.endpoint,
    nbServer,
    sbServer,
    behaviours,
    addChassis: async (host, options = {}) => {
      const controller = new FakeController(context, host, options);
      controllers.set(host, controller);
      await controller.register();
      controller.start();
    },
    plug: (host, portId) => controllerOf(host).plug(portId),
    unplug: (host, portId) => controllerOf(host).unplug(portId),
    stopNorthd: () => northd.stop(),
    startNorthd: () => northd.start(),
    stopController: (host) => controllerOf(host).stop(),
    startController: (host) => controllerOf(host).start(),
    recompute: () => northd.recompute(),
    close,
    [Symbol.asyncDispose]: close,
  };
}
