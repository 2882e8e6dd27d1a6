// Ports that two hosts may plug while a guest moves, and subports that follow their parent: on the model of OVN, and on the
// real programs with packets.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { connectOvsdb } from '#platform/ovsdb/client.ts';
import { CommandError } from '#platform/supervise/run-command.ts';
import { waitUntil } from '#platform/supervise/wait.ts';
import { makePort, openStage, untilMissing, WORLDS, type Stage } from '#test/support/northbound-stage.ts';
import { putInactiveBinding, removeInactiveBinding } from '../port-bindings/store.ts';
import type { SecurityGroupRow } from '../tables.ts';
import { sbTables } from './model.ts';

/** Sends an echo request in a frame with a VLAN tag and waits for the answer: source MAC and IP, their peers, and the tag. */
const PING_TAGGED = `
import socket, struct, sys, time
source_mac, source, target_mac, target, tag = sys.argv[1:]
def checksum(data):
    total = sum(struct.unpack('!%dH' % (len(data) // 2), data))
    while total >> 16: total = (total & 0xffff) + (total >> 16)
    return struct.pack('!H', ~total & 0xffff)
icmp = bytes.fromhex('08000000000100016869')
icmp = icmp[:2] + checksum(icmp) + icmp[4:]
ip = struct.pack('!BBHHHBBH', 0x45, 0, 20 + len(icmp), 1, 0, 64, 1, 0) + socket.inet_aton(source) + socket.inet_aton(target)
ip = ip[:10] + checksum(ip) + ip[12:]
link = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
link.bind(('eth0', 0))
link.settimeout(0.2)
link.send(bytes.fromhex(target_mac + source_mac) + struct.pack('!HHH', 0x8100, int(tag), 0x0800) + ip + icmp)
end = time.monotonic() + 2
while time.monotonic() < end:
    try: frame = link.recv(2000)
    except TimeoutError: continue
    if frame[:6].hex() == source_mac and socket.inet_aton(target) in frame and b'hi' in frame: sys.exit(0)
sys.exit(1)
`;

function openGroup(seed: Stage['seed']): Promise<SecurityGroupRow> {
  return seed.securityGroup([{ direction: 'egress' }, { direction: 'ingress' }]);
}

async function succeeds(run: () => Promise<unknown>): Promise<boolean> {
  try {
    await run();
    return true;
  } catch (error) {
    if (error instanceof CommandError) return false;
    throw error;
  }
}

async function reaches(what: () => Promise<boolean>, name: string): Promise<void> {
  await waitUntil(what, { what: name, deadlineMs: 45_000 });
}

function testPackets(stageOf: () => Stage): void {
  test('keeps the packets of a guest that moves at its old host, until it runs at the new one', async () => {
    const { seed, northbound, world, db, network, subnet } = stageOf();
    const real = world.real!; // packets are moved there alone
    const anything = await openGroup(seed);
    const client = await seed.port({ network, ips: [[subnet, '10.0.0.190']], groups: [anything] });
    await northbound.sync([{ kind: 'port', id: client.id }]);
    await world.plug('h2', client.id, client.mac_address);
    await real.inGuest(client.id, ['ip', 'addr', 'add', '10.0.0.190/24', 'dev', 'eth0']);
    const port = await seed.port({
      network,
      ips: [[subnet, '10.0.0.191']],
      groups: [anything],
      binding_host_id: 'h1',
    });
    const ref = { kind: 'port', id: port.id } as const;
    const addressOn = (host: string, verb: 'add' | 'del'): Promise<unknown> =>
      real.inGuest(port.id, ['ip', 'addr', verb, '10.0.0.191/24', 'dev', 'eth0'], { host });
    const answers = (): Promise<boolean> =>
      succeeds(() => real.inGuest(client.id, ['busybox', 'ping', '-c', '1', '-W', '1', '10.0.0.191']));
    await northbound.sync([ref]);
    await world.plug('h1', port.id, port.mac_address);
    await reaches(async () => northbound.portState(port.id).up, 'the port to be up');
    await addressOn('h1', 'add');
    await reaches(answers, 'the guest at its old host');

    await putInactiveBinding(db.kysely, {
      port_id: port.id,
      host: 'h2',
      vnic_type: 'normal',
      profile: '{}',
      prepared: 1,
    });
    await northbound.sync([ref]);
    await world.plug('h2', port.id, port.mac_address);
    const trace = async (): Promise<string> => JSON.stringify((await northbound.tracePort(port.id)).binding);
    await reaches(async () => (await trace()).includes('"additional_hosts":["h2"]'), 'h2 to have it as well');
    await reaches(answers, 'the old host beside the new one');
    await addressOn('h1', 'del');
    await addressOn('h2', 'add');
    assert.equal(await answers(), false, 'the new host is cut off while nothing runs there');
    await real.announce('h2', port.id, port.mac_address);
    await reaches(answers, 'the guest that said that it runs');
    assert.match(await trace(), /"activated":\["h2"\]/);

    await removeInactiveBinding(db.kysely, port.id, 'h2');
    await seed.update('ports', port.id, { binding_host_id: 'h2' });
    await northbound.sync([ref]);
    await reaches(async () => northbound.portState(port.id).host === 'h2', 'the port to be the new host’s');
    await reaches(async () => northbound.portState(port.id).up, 'the port to be up');
    await world.unplug('h1', port.id);
    await reaches(answers, 'the guest at its new host');
    for (const each of [port, client]) await world.unplug('h2', each.id);
  });

  test('carries the VLANs of a trunk to the networks of its subports, also while its guest moves', async () => {
    const { seed, northbound, world, db, network, subnet } = stageOf();
    const real = world.real!; // packets are moved there alone
    const anything = await openGroup(seed);
    const inner = await seed.network({ name: 'inner' });
    const innerSubnet = await seed.subnet(inner, '10.9.0.0/24');
    const there = await seed.port({ network: inner, ips: [[innerSubnet, '10.9.0.5']], groups: [anything] });
    const parent = await seed.port({
      network,
      ips: [[subnet, '10.0.0.196']],
      groups: [anything],
      binding_host_id: 'h1',
    });
    const subport = await seed.port({
      network: inner,
      ips: [[innerSubnet, '10.9.0.6']],
      groups: [anything],
      device_owner: 'trunk:subport',
    });
    await seed.trunk(parent, [[subport, 77]]);
    const sync = (): Promise<unknown> =>
      northbound.sync([there, parent, subport].map(({ id }) => ({ kind: 'port', id })));
    await sync();
    await world.plug('h2', there.id, there.mac_address);
    await real.inGuest(there.id, ['ip', 'addr', 'add', '10.9.0.5/24', 'dev', 'eth0']);
    const pingsTagged = (host: string): Promise<boolean> => {
      const ends = [
        subport.mac_address.replaceAll(':', ''),
        '10.9.0.6',
        there.mac_address.replaceAll(':', ''),
      ];
      const argv = ['python3', '-c', PING_TAGGED, ...ends, '10.9.0.5', '77'];
      return succeeds(() => real.inGuest(parent.id, argv, { host, deadlineMs: 10_000 }));
    };
    await world.plug('h1', parent.id, parent.mac_address);
    await reaches(async () => northbound.portState(subport.id).up, 'the subport to be up');
    await reaches(() => pingsTagged('h1'), 'the other network by its tag');

    const binding = { port_id: parent.id, vnic_type: 'normal', profile: '{}', prepared: 1 };
    await putInactiveBinding(db.kysely, { ...binding, host: 'h2' });
    await sync();
    await world.plug('h2', parent.id, parent.mac_address);
    await reaches(() => pingsTagged('h1'), 'the tag where the guest is');
    await real.announce('h2', parent.id, parent.mac_address);
    await reaches(() => pingsTagged('h2'), 'the tag where the guest runs now');
    await removeInactiveBinding(db.kysely, parent.id, 'h2');
    await seed.update('ports', parent.id, { binding_host_id: 'h2' });
    await northbound.sync([{ kind: 'port', id: parent.id }]);
    await world.unplug('h1', parent.id);
    await reaches(async () => northbound.portState(subport.id).host === 'h2', 'the subport to follow');
    await reaches(() => pingsTagged('h2'), 'the tag of the guest that moved');
    for (const each of [there, parent]) await world.unplug('h2', each.id);
  });
}

for (const { name, open, skip } of WORLDS) {
  describe(`ports that move on ${name}`, { skip, timeout: 180_000 }, () => {
    let stage: Stage;

    before(async () => {
      stage = await openStage(open);
    });

    after(async () => {
      await stage?.[Symbol.asyncDispose]();
    });

    test('lets another host plug a port beside its own, and gives it the port when it is bound there', async () => {
      const { world, northbound, db, seed } = stage;
      const port = await makePort(stage, { binding_host_id: 'h1' });
      const additional = async (): Promise<unknown> =>
        (await northbound.tracePort(port.id)).binding['additional_hosts'];
      const untilAlsoAt = async (hosts: string[]): Promise<void> =>
        waitUntil(async () => String(await additional()) === String(hosts), {
          what: `${port.id} to be at ${hosts.join()} as well`,
          deadlineMs: 30_000,
        });
      const bindingFor = (host: string, prepared: number) => ({
        port_id: port.id,
        host,
        vnic_type: 'normal',
        profile: '{}',
        prepared,
      });
      const sync = async (): Promise<unknown> => northbound.sync([{ kind: 'port', id: port.id }]);
      await world.plug('h1', port.id, port.mac_address);
      await untilMissing(stage, port, null);
      await putInactiveBinding(db.kysely, bindingFor('h2', 1));
      await sync();
      assert.equal(northbound.portState(port.id).up, true);
      await world.plug('h2', port.id, port.mac_address);
      await untilAlsoAt(['h2']);
      const { up, host } = northbound.portState(port.id);
      assert.deepEqual({ up, host }, { up: true, host: 'h1' });

      await removeInactiveBinding(db.kysely, port.id, 'h2');
      await sync();
      await untilAlsoAt([]);
      assert.equal(northbound.portState(port.id).host, 'h1');

      await putInactiveBinding(db.kysely, bindingFor('h2', 1));
      await sync();
      await untilAlsoAt(['h2']);
      await removeInactiveBinding(db.kysely, port.id, 'h2');
      await putInactiveBinding(db.kysely, bindingFor('h1', 0));
      await seed.update('ports', port.id, { binding_host_id: 'h2' });
      await sync();
      await waitUntil(() => northbound.portState(port.id).host === 'h2' && northbound.portState(port.id).up, {
        what: 'the port to be up at h2',
        deadlineMs: 10_000,
      });
      await untilAlsoAt([]);
      await world.unplug('h1', port.id);
      await sync();
      assert.equal(northbound.portState(port.id).host, 'h2');
      await world.unplug('h2', port.id);
      await untilMissing(stage, port, 'chassis claim');
    });

    test('claims the subports of a trunk with their parent, on whichever host that is', async () => {
      const { world, northbound, db, seed } = stage;
      const parent = await makePort(stage, { binding_host_id: 'h1' });
      const subport = await makePort(stage, { device_owner: 'trunk:subport' });
      const trunk = await seed.trunk(parent, [[subport, 101]]);
      const sync = async (id: string): Promise<unknown> => northbound.sync([{ kind: 'port', id }]);
      const untilUpAt = async (host: string): Promise<void> =>
        waitUntil(
          () => {
            const { up, host: claimed } = northbound.portState(subport.id);
            return up && claimed === host;
          },
          { what: `the subport to be up at ${host}`, deadlineMs: 30_000 },
        );
      await sync(subport.id);
      await untilMissing(stage, subport, 'chassis claim');
      await world.plug('h1', parent.id, parent.mac_address);
      await untilUpAt('h1');
      await using sb = connectOvsdb({ endpoint: world.sb, database: 'OVN_Southbound', tables: sbTables });
      await sb.ready;
      const [binding] = sb.table('Port_Binding').where('logical_port', subport.id);
      assert.deepEqual([binding?.parent_port, binding?.tag], [parent.id, 101]);

      await world.unplug('h1', parent.id);
      await untilMissing(stage, subport, 'chassis claim');
      await seed.update('ports', parent.id, { binding_host_id: 'h2' });
      await sync(parent.id);
      await world.plug('h2', parent.id, parent.mac_address);
      await untilUpAt('h2');

      await db.kysely.deleteFrom('subports').where('trunk_id', '=', trunk.id).execute();
      await sync(subport.id);
      await untilMissing(stage, subport, 'chassis claim');
      await world.unplug('h2', parent.id);
    });

    if (name === 'real OVN') testPackets(() => stage);
  });
}
