// How long a port takes on private, real OVN: from the request to the northbound commit and to `up` with its interface
// plugged; beside it the same by one OVSDB transaction and by ovn-nbctl. Then one port among many, against a database
// server alone. Prints JSON. Needs root. `node bench/ovn-port.ts [runs] [ports]`
import { createInProcessBus } from '#platform/bus/in-process.ts';
import { systemClock } from '#platform/context/clock.ts';
import { silentLog } from '#platform/log/log.ts';
import { createMemoryOvsdb } from '#platform/ovsdb/memory-server.ts';
import { startRealServer } from '#platform/ovsdb/test-support/real-server.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { runCommand } from '#platform/supervise/run-command.ts';
import { southbound } from '#drivers/ovn/schema.ts';
import { networkMigrations } from '#network/migrations/all.ts';
import { createNorthbound, type OvnNorthbound } from '#network/ovn/northbound.ts';
import type { NetworkRow, NetworkTables, SubnetRow } from '#network/tables.ts';
import { NetworkSeed } from '#test/support/network-seed.ts';
import { realOvnWorld, type OvnWorld } from '#test/support/ovn-world.ts';

const runs = Number(process.argv[2] ?? 100);
const manyPorts = Number(process.argv[3] ?? 10_000);

async function stageOn(nb: OvnWorld['nb'], sb: OvnWorld['sb']) {
  const db = openDatabase<NetworkTables>('sqlite::memory:');
  await migrate(db, 'network', networkMigrations);
  const bus = createInProcessBus();
  const northbound = createNorthbound({
    db,
    nbEndpoint: nb,
    sbEndpoint: sb,
    bus,
    clock: systemClock,
    log: silentLog,
  });
  await northbound.nb.ready;
  await northbound.sb.ready;
  return { db, northbound, seed: new NetworkSeed(db) };
}

function quantiles(samples: readonly number[]): Record<string, number> {
  const sorted = samples.toSorted((a, b) => a - b);
  const at = (q: number): number =>
    Math.round((sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? 0) * 100) / 100;
  return { n: sorted.length, p50: at(0.5), p99: at(0.99), max: at(1) };
}

/** Times `create` to its return and to `up`, with an interface that waits for the port. */
async function timePorts(
  world: OvnWorld,
  northbound: OvnNorthbound,
  create: (portId: string, ip: string) => Promise<void>,
  remove: (portId: string) => Promise<void>,
): Promise<Record<string, unknown>> {
  const listeners = new Map<string, () => void>();
  northbound.onPortState((portId, { up }) => up && listeners.get(portId)?.());
  const committed: number[] = [];
  const upAfter: number[] = [];
  for (let n = 0; n < runs + 5; n++) {
    const portId = crypto.randomUUID();
    await world.replug!('h1', portId);
    const isUp = Promise.withResolvers<void>();
    listeners.set(portId, isUp.resolve);
    const start = performance.now();
    await create(portId, `10.0.${1 + (n >> 7)}.${10 + (n & 127)}`);
    const written = performance.now() - start;
    await isUp.promise;
    listeners.delete(portId);
    if (n >= 5) {
      committed.push(written);
      upAfter.push(performance.now() - start);
    }
    await remove(portId);
    await northbound.sb.waitUntil(
      (db) => db.table('Port_Binding').where('logical_port', portId).length === 0,
      { deadlineMs: 20_000 },
    );
  }
  return { committed_ms: quantiles(committed), up_ms: quantiles(upAfter) };
}

async function realTimes(): Promise<Record<string, unknown>> {
  await using world = await realOvnWorld();
  const { db, northbound, seed } = await stageOn(world.nb, world.sb);
  const network = await seed.network();
  const subnet = await seed.subnet(network, '10.0.0.0/16');
  const group = await seed.securityGroup([
    { direction: 'egress' },
    { direction: 'ingress', remote_ip_prefix: '10.0.0.0/16' },
  ]);
  const first = await seed.port({ network, ips: [[subnet, '10.0.0.5']], groups: [group] });
  await northbound.sync([{ kind: 'port', id: first.id }]);
  await world.plug('h1', first.id, first.mac_address);
  const { nb } = northbound;
  const { ports: _, ...held } = nb.table('Logical_Switch').list()[0]!;
  const groups = nb
    .table('Port_Group')
    .list()
    .map((row) => row._uuid);
  const dhcp = nb.table('DHCP_Options').list()[0]!._uuid;
  const nbctl = async (...args: string[]): Promise<void> =>
    void (await runCommand(['ovn-nbctl', `--db=${world.nb}`, ...args]));
  const address = (ip: string): string => `fa:16:3e:aa:00:01 ${ip}`;
  const result = {
    network_service: await timePorts(
      world,
      northbound,
      async (id, ip) => {
        await seed.port({ id, network, ips: [[subnet, ip]], groups: [group] });
        await northbound.sync([{ kind: 'port', id }]);
      },
      async (id) => {
        await seed.remove('ports', id);
        await northbound.sync([{ kind: 'port', id }]);
      },
    ),
    raw_transaction: await timePorts(
      world,
      northbound,
      async (name, ip) => {
        const tx = nb.transaction();
        const port = tx.insert('Logical_Switch_Port', {
          name,
          addresses: [address(ip)],
          port_security: [address(ip)],
          dhcpv4_options: dhcp,
        });
        tx.mutate('Logical_Switch', held._uuid, ['ports', 'insert', [port]]);
        for (const each of groups) tx.mutate('Port_Group', each, ['ports', 'insert', [port]]);
        await tx.commit();
      },
      async (name) => {
        const uuid = nb.table('Logical_Switch_Port').where('name', name)[0]!._uuid;
        await nb
          .transaction()
          .mutate('Logical_Switch', held._uuid, ['ports', 'delete', [uuid]])
          .commit();
      },
    ),
    ovn_nbctl: await timePorts(
      world,
      northbound,
      async (name, ip) => {
        const command = [
          'lsp-add',
          held.name,
          name,
          '--',
          'lsp-set-addresses',
          name,
          address(ip),
          '--',
          'lsp-set-port-security',
          name,
          address(ip),
        ];
        await nbctl(...command, '--', 'lsp-set-dhcpv4-options', name, dhcp);
        const find = () => nb.table('Logical_Switch_Port').where('name', name)[0];
        const { _uuid } = await nb.waitUntil(find, { deadlineMs: 5000 });
        await nbctl(...groups.flatMap((each) => ['--', 'add', 'Port_Group', each, 'ports', _uuid]).slice(1));
      },
      (name) => nbctl('lsp-del', name),
    ),
  };
  await northbound[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
  return result;
}

/** A port more where there are many, and the comparison of everything; northd is left out. */
async function amongMany(): Promise<Record<string, unknown>> {
  await using nbServer = await startRealServer({ file: '/usr/share/ovn/ovn-nb.ovsschema' });
  await using sbServer = createMemoryOvsdb({ name: 'OVN_Southbound', tables: southbound });
  const { db, northbound, seed } = await stageOn(nbServer.endpoint, sbServer.endpoint);
  const group = await seed.securityGroup([{ direction: 'egress' }]);
  const networks: Array<{ network: NetworkRow; subnet: SubnetRow }> = [];
  for (let n = 0; n < 50; n++) {
    const network = await seed.network();
    networks.push({ network, subnet: await seed.subnet(network, '10.0.0.0/16') });
  }
  const makePort = async (n: number): Promise<string> => {
    const { network, subnet } = networks[n % networks.length]!; // not empty
    const ip = `10.0.${(n >> 8) & 255}.${n & 255}`;
    return (await seed.port({ network, ips: [[subnet, ip]], groups: [group] })).id;
  };
  for (let n = 0; n < manyPorts; n++) await makePort(n);
  await northbound.start();
  const started = performance.now();
  await northbound.repairNow();
  const firstFull = performance.now() - started;
  const again = performance.now();
  await northbound.repairNow();
  const full = performance.now() - again;
  const single: number[] = [];
  for (let n = 0; n < runs; n++) {
    const id = await makePort(manyPorts + n);
    const start = performance.now();
    await northbound.sync([{ kind: 'port', id }]);
    single.push(performance.now() - start);
  }
  const states = performance.now();
  for (const row of northbound.nb.table('Logical_Switch_Port').list()) northbound.portState(row.name);
  const allStates = performance.now() - states;
  await northbound[Symbol.asyncDispose]();
  await db[Symbol.asyncDispose]();
  return {
    ports: manyPorts,
    first_full_sync_ms: Math.round(firstFull),
    compare_everything_ms: Math.round(full),
    one_port_more_ms: quantiles(single),
    states_of_all_ms: Math.round(allStates),
  };
}

const result = { bench: 'ovn-port', real: await realTimes(), among_many: await amongMany() };
process.stdout.write(`${JSON.stringify(result, undefined, 2)}\n`);
