// The network service's link to OVN, held to the same cases on the real programs and on the model of them.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import {
  makePort,
  nextIp,
  openStage,
  untilMissing,
  WORLDS,
  type Stage,
} from '#test/support/northbound-stage.ts';
import { balancerName, nbTables, routerName } from './model.ts';

for (const { name, open, skip } of WORLDS) {
  describe(`northbound on ${name}`, { skip, timeout: 180_000 }, () => {
    let stage: Stage;

    before(async () => {
      stage = await openStage(open);
    });

    after(async () => {
      await stage?.[Symbol.asyncDispose]();
    });

    test('writes a first port with all that it hangs on, and the second with little', async () => {
      const { seed, northbound, network, subnet, group } = stage;
      const first = await seed.port({ network, ips: [[subnet, '10.0.0.5']], groups: [group] });
      const all = await northbound.sync([{ kind: 'port', id: first.id }]);
      const { Logical_Switch, Logical_Switch_Port, DHCP_Options, Port_Group } = all.inserted;
      assert.deepEqual(
        { Logical_Switch, Logical_Switch_Port, DHCP_Options, Port_Group },
        { Logical_Switch: 1, Logical_Switch_Port: 1, DHCP_Options: 1, Port_Group: 2 },
      );
      const second = await seed.port({ network, ips: [[subnet, '10.0.0.6']], groups: [group] });
      const few = await northbound.sync([{ kind: 'port', id: second.id }]);
      assert.deepEqual(few.inserted, { Logical_Switch_Port: 1 });
      assert.deepEqual(few.updated, { Logical_Switch: 1, Port_Group: 2 });
      const none = await northbound.sync([
        { kind: 'port', id: second.id },
        { kind: 'network', id: network.id },
      ]);
      assert.deepEqual(none, { inserted: {}, updated: {}, deleted: {} });
    });

    test('brings a port up when its interface is plugged, tells each change, and down when it is unplugged', async () => {
      const { world, northbound, bus } = stage;
      const port = await makePort(stage);
      const told: unknown[] = [];
      const subscription = await bus.subscribe(`network.port.${port.id}`, (payload) => told.push(payload));
      await untilMissing(stage, port, 'chassis claim');
      await world.plug('h1', port.id, port.mac_address);
      await untilMissing(stage, port, null);
      const state = northbound.portState(port.id);
      assert.equal(state.host, 'h1');
      assert.equal(state.up, true);
      assert.ok(state.tunnelKey !== null && state.tunnelKey > 0);
      const trace = await northbound.tracePort(port.id, true);
      assert.equal(typeof trace.binding['up_after_ms'], 'number');
      assert.equal(typeof trace.northbound['committed_at'], 'string');
      await world.unplug('h1', port.id);
      await untilMissing(stage, port, 'chassis claim');
      await waitUntil(() => told.length >= 2, { what: 'the bus to tell', deadlineMs: 20_000 });
      await subscription.close();
    });

    test('binds a port on the host that it is asked to be bound to', async () => {
      const { world } = stage;
      const port = await makePort(stage, { binding_host_id: 'h2' });
      await world.plug('h2', port.id, port.mac_address);
      await untilMissing(stage, port, null);
      assert.equal(stage.northbound.portState(port.id).chassis, 'h2');
      await world.unplug('h2', port.id);
    });

    test('removes the rows of a port that SQL has no more', async () => {
      const { seed, northbound } = stage;
      const port = await makePort(stage);
      await seed.remove('ports', port.id);
      const change = await northbound.sync([{ kind: 'port', id: port.id }]);
      assert.equal(change.deleted['Logical_Switch_Port'], 1);
      assert.equal(northbound.portState(port.id).missingHop, 'northbound row');
      await waitUntil(() => northbound.sb.table('Port_Binding').where('logical_port', port.id).length === 0, {
        what: 'the binding to go',
        deadlineMs: 30_000,
      });
    });

    test('names the hop that is missing while northd or the controller is away', async () => {
      const { world } = stage;
      await world.stopNorthd();
      const port = await makePort(stage);
      await untilMissing(stage, port, 'southbound binding');
      await world.startNorthd();
      await untilMissing(stage, port, 'chassis claim');
      await world.stopController('h1');
      await world.plug('h1', port.id, port.mac_address);
      assert.equal(stage.northbound.portState(port.id).missingHop, 'chassis claim');
      await world.startController('h1');
      await untilMissing(stage, port, null);
      await world.unplug('h1', port.id);
    });

    test('puts right what somebody changed by hand', async () => {
      const { northbound, group } = stage;
      const { nb } = northbound;
      const port = await makePort(stage);
      const lsp = () => nb.table('Logical_Switch_Port').where('name', port.id)[0];
      const holder = nb.table('Logical_Switch').where('ports', lsp()!._uuid)[0]!;
      await nb
        .transaction()
        .mutate('Logical_Switch', holder._uuid, ['ports', 'delete', [lsp()!._uuid]])
        .commit();
      await waitUntil(() => lsp() !== undefined, { what: 'the port to come back', deadlineMs: 30_000 });
      const name = `pg_${group.id.replaceAll('-', '_')}`;
      const groupRow = () => nb.table('Port_Group').where('name', name)[0]!;
      const acl = nb.table('ACL').get(groupRow().acls[0]!)!;
      await nb.transaction().update('ACL', acl._uuid, { match: 'ip', action: 'drop' }).commit();
      const actions = () => groupRow().acls.map((uuid) => nb.table('ACL').get(uuid)?.action);
      await waitUntil(() => actions().every((action) => action === 'allow-related'), {
        what: 'the rule',
        deadlineMs: 30_000,
      });
      await nb
        .transaction()
        .mutate('Port_Group', groupRow()._uuid, ['ports', 'delete', [lsp()!._uuid]])
        .commit();
      await waitUntil(() => groupRow().ports.includes(lsp()!._uuid), {
        what: 'the membership',
        deadlineMs: 30_000,
      });
      await nb.transaction().update('Logical_Switch_Port', lsp()!._uuid, { port_security: [] }).commit();
      await waitUntil(() => lsp()!.port_security.length === 1, { what: 'port security', deadlineMs: 30_000 });
      await nb.transaction().delete('Port_Group', groupRow()._uuid).commit();
      await waitUntil(() => groupRow()?.ports.includes(lsp()!._uuid), {
        what: 'the whole group',
        deadlineMs: 30_000,
      });
    });

    test('removes orphans of its own, and leaves rows of others alone', async () => {
      const { northbound } = stage;
      const { nb } = northbound;
      const tx = nb.transaction();
      const orphan = `neutron-${crypto.randomUUID()}`;
      tx.insert('Logical_Switch', { name: orphan });
      tx.insert('Logical_Switch', { name: 'of-somebody-else' });
      await tx.commit();
      await northbound.repairNow();
      await waitUntil(() => nb.table('Logical_Switch').where('name', orphan).length === 0, {
        what: 'the orphan to go',
        deadlineMs: 30_000,
      });
      assert.equal(nb.table('Logical_Switch').where('name', 'of-somebody-else').length, 1);
    });

    test('recovers when the northbound server crashes, with changes made meanwhile', async () => {
      const { world, northbound, network, subnet, group, seed } = stage;
      const before = await makePort(stage);
      await world.crashNorthbound();
      const port = await seed.port({ network, ips: [[subnet, nextIp()]], groups: [group] });
      await northbound.sync([{ kind: 'port', id: port.id }]).catch(() => undefined);
      await untilMissing(stage, port, 'chassis claim');
      assert.notEqual(northbound.portState(before.id).missingHop, 'northbound row');
      await world.plug('h1', port.id, port.mac_address);
      await untilMissing(stage, port, null);
      await world.unplug('h1', port.id);
    });

    test('misses no change that happened while it was cut off from both databases', async () => {
      const { world, cables, northbound } = stage;
      const port = await makePort(stage);
      const gone = await makePort(stage);
      await untilMissing(stage, port, 'chassis claim');
      const told: string[] = [];
      northbound.onPortState((portId, state) => told.push(`${portId} ${state.missingHop}`));
      for (const cable of cables) cable.cut();
      const refused = assert.rejects(
        northbound.sync([{ kind: 'port', id: gone.id }], AbortSignal.timeout(200)),
      );
      await stage.seed.remove('ports', gone.id);
      await world.plug('h1', port.id, port.mac_address);
      await refused;
      for (const cable of cables) cable.mend();
      await untilMissing(stage, port, null);
      await untilMissing(stage, gone, 'northbound row');
      assert.ok(told.includes(`${port.id} null`));
      await world.unplug('h1', port.id);
    });

    test('writes once for many changes at the same time, and tells each caller its own', async () => {
      const { northbound, seed, network, subnet, group } = stage;
      const ports = await Promise.all(
        Array.from({ length: 20 }, async (_, n) =>
          seed.port({ network, ips: [[subnet, `10.0.0.${200 + n}`]], groups: [group] }),
        ),
      );
      const changes = await Promise.all(ports.map(({ id }) => northbound.sync([{ kind: 'port', id }])));
      for (const { inserted } of changes) assert.deepEqual(inserted, { Logical_Switch_Port: 1 });
      for (const { id } of ports) await seed.remove('ports', id);
      await northbound.sync(ports.map(({ id }) => ({ kind: 'port', id })));
    });

    test('takes the balancers of forwarded ports with their router, and leaves those of others', async () => {
      const { northbound, seed, world } = stage;
      const external = await seed.network({ name: 'outside', external: 1 });
      const outside = await seed.subnet(external, '172.30.0.0/24');
      const router = await seed.router();
      const own = { network: external, device_id: router.id } as const;
      const gateway = await seed.port({
        ...own,
        ips: [[outside, '172.30.0.10']],
        device_owner: 'network:router_gateway',
      });
      await seed.update('routers', router.id, {
        gateway_network_id: external.id,
        gateway_port_id: gateway.id,
      });
      const port = await makePort(stage);
      const fip = await seed.floatingIp({
        floating_network_id: external.id,
        floating_ip_address: '172.30.0.20',
        floating_port_id: gateway.id,
        router_id: router.id,
      });
      await seed.portForwarding({
        floatingip_id: fip.id,
        external_port: 8080,
        internal_port_id: port.id,
        internal_ip_address: port.ip,
        internal_port: 80,
      });
      await northbound.sync([
        { kind: 'network', id: external.id },
        { kind: 'router', id: router.id },
      ]);
      await using nb = connectOvsdb({ endpoint: world.nb, database: 'OVN_Northbound', tables: nbTables });
      await nb.ready;
      const balancers = (): string[] =>
        nb
          .table('Load_Balancer')
          .list()
          .map(({ name }) => name);
      const ours = balancerName(fip.id, 'tcp');
      assert.deepEqual(balancers(), [ours]);
      assert.deepEqual(nb.table('Load_Balancer').where('name', ours)[0]?.vips, {
        '172.30.0.20:8080': `${port.ip}:80`,
      });
      const held = nb.table('Logical_Router').where('name', routerName(router.id))[0];
      assert.ok(held);
      const tx = nb.transaction();
      const foreign = tx.insert('Load_Balancer', { name: 'foreign' });
      tx.mutate('Logical_Router', held._uuid, ['load_balancer', 'insert', [foreign]]);
      await tx.commit();
      await seed.update('floatingips', fip.id, { floating_ip_address: '172.30.0.21' });
      await northbound.sync([{ kind: 'floatingip', id: fip.id }]);
      assert.deepEqual(balancers().toSorted(), ['foreign', ours]);
      assert.equal(nb.table('Logical_Router').get(held._uuid)?.load_balancer.length, 2);
      await seed.remove('routers', router.id);
      await northbound.sync([{ kind: 'router', id: router.id }]);
      await waitUntil(() => balancers().join() === 'foreign', { what: 'ours to go', deadlineMs: 30_000 });
    });

    test('limits and marks ports and floating IPs by their policies, and mends the rows', async () => {
      const { northbound, seed, world, db } = stage;
      const { nb } = northbound;
      const policy = await seed.qosPolicy([
        { type: 'bandwidth_limit', max_kbps: 3000, max_burst_kbps: 300 },
        { type: 'bandwidth_limit', max_kbps: 1000, direction: 'ingress' },
        { type: 'dscp_marking', dscp_mark: 26 },
        { type: 'minimum_bandwidth', min_kbps: 10 },
      ]);
      const rows = (match: string): unknown[] =>
        nb
          .table('QoS')
          .list((row) => row.match.includes(match))
          .map(({ direction, action, bandwidth }) => ({ direction, action, bandwidth }))
          .toSorted((a, b) => a.direction.localeCompare(b.direction));
      const both = [
        { direction: 'from-lport', action: { dscp: 26 }, bandwidth: { rate: 3000, burst: 300 } },
        { direction: 'to-lport', action: {}, bandwidth: { rate: 1000 } },
      ];
      const port = await makePort(stage, { qos_policy_id: policy.id });
      assert.deepEqual(rows(`port == "${port.id}"`), both);
      const until = (what: string, condition: () => boolean | Promise<boolean>): Promise<void> =>
        waitUntil(condition, { what, deadlineMs: 30_000 });
      const untilMetered = async (what: string): Promise<void> => {
        const isMetered = (flow: string): boolean =>
          flow.includes(what) && flow.includes('set_meter(3000, 300)');
        const { real } = world; // the model writes no flows
        if (real) await until(what, async () => (await real.sbctl('lflow-list')).split('\n').some(isMetered));
      };
      await untilMetered(port.id);

      // What is taken away or changed by hand comes back; what the policy no longer says goes.
      const [first] = nb.table('QoS').list((row) => row.match.includes(port.id));
      await nb.transaction().update('QoS', first!._uuid, { priority: 7 }).commit();
      const held = nb.table('Logical_Switch').where('qos_rules', first!._uuid)[0]!;
      await until('the priority', () => nb.table('QoS').get(first!._uuid)?.priority === 2002);
      await nb
        .transaction()
        .mutate('Logical_Switch', held._uuid, ['qos_rules', 'delete', [first!._uuid]])
        .commit();
      await until('the row to come back', () => rows(port.id).length === 2);
      await db.kysely.deleteFrom('qos_rules').where('direction', '=', 'ingress').execute();
      await northbound.sync([{ kind: 'qos_policy', id: policy.id }]);
      assert.deepEqual(rows(port.id), both.slice(0, 1));

      const external = await seed.network({ name: 'limited', external: 1, qos_policy_id: policy.id });
      const outside = await seed.subnet(external, '172.29.0.0/24');
      const router = await seed.router();
      const gateway = await seed.port({
        network: external,
        device_id: router.id,
        ips: [[outside, '172.29.0.10']],
        device_owner: 'network:router_gateway',
      });
      const gated = { gateway_network_id: external.id, gateway_port_id: gateway.id };
      await seed.update('routers', router.id, gated);
      const fip = await seed.floatingIp({
        floating_network_id: external.id,
        floating_ip_address: '172.29.0.20',
        floating_port_id: gateway.id,
        router_id: router.id,
        port_id: port.id,
        fixed_ip_address: port.ip,
      });
      const refs = [
        { kind: 'network', id: external.id },
        { kind: 'port', id: gateway.id },
        { kind: 'router', id: router.id },
      ] as const;
      await northbound.sync(refs);
      const match = `inport == "${gateway.id}" && ip4.src == 172.29.0.20 && is_chassis_resident("cr-lrp-${gateway.id}")`;
      assert.deepEqual(rows(match), both.slice(0, 1));
      await untilMetered('172.29.0.20');
      assert.deepEqual(await northbound.sync(refs), { inserted: {}, updated: {}, deleted: {} });
      await seed.update('networks', external.id, { qos_policy_id: null });
      await northbound.sync([{ kind: 'network_qos', id: external.id }]);
      assert.deepEqual(rows('172.29.0.20'), []);
      await seed.update('floatingips', fip.id, { qos_policy_id: policy.id });
      await northbound.sync([{ kind: 'floatingip', id: fip.id }]);
      assert.deepEqual(rows('172.29.0.20'), both.slice(0, 1));
      await seed.remove('routers', router.id);
      await seed.remove('ports', port.id);
      await northbound.sync([...refs, { kind: 'port', id: port.id }]);
      assert.deepEqual(nb.table('QoS').list(), []);
    });

    test('does the work that handlers recorded and could not finish', async () => {
      const { db, seed, network, subnet, northbound } = stage;
      const port = await seed.port({ network, ips: [[subnet, nextIp()]] });
      await db.kysely
        .insertInto('northbound_work')
        .values({ kind: 'port', id: port.id, mark: 'm1', marked_at: '2020-01-01T00:00:00.000Z' })
        .execute();
      await waitUntil(() => northbound.portState(port.id).missingHop !== 'northbound row', {
        what: 'the port',
        deadlineMs: 30_000,
      });
      await waitUntil(
        async () => (await db.kysely.selectFrom('northbound_work').selectAll().execute()).length === 0,
        { what: 'the work to be removed', deadlineMs: 30_000 },
      );
    });

    test('shows the chassis as agents that live', async () => {
      const agents = stage.northbound.agents();
      assert.deepEqual(
        agents.map((agent) => agent.host),
        ['h1', 'h2'],
      );
      await waitUntil(() => stage.northbound.agents().every((agent) => agent.alive), {
        what: 'life',
        deadlineMs: 30_000,
      });
      assert.deepEqual(
        stage.northbound.agents().map((agent) => agent.id),
        agents.map((agent) => agent.id),
      );
    });

    test('describes an agent, and takes one out of OVN whose controller is away, until that registers anew', async () => {
      const { world, northbound } = stage;
      const of = (host: string) => northbound.agents().find((agent) => agent.host === host);
      const { id } = of('h2')!; // both are there
      await northbound.describeAgent(id, 'the second rack');
      await waitUntil(() => of('h2')?.description === 'the second rack', {
        what: 'the description',
        deadlineMs: 15_000,
      });
      await world.stopController('h2');
      await northbound.removeAgent(id);
      await waitUntil(() => of('h2') === undefined, { what: 'h2 to be gone', deadlineMs: 15_000 });
      await world.startController('h2');
      await waitUntil(() => of('h2')?.alive === true, { what: 'h2 to be back', deadlineMs: 30_000 });
      assert.equal(of('h2')?.id, id);
    });
  });
}
