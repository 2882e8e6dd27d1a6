// The floor of a launch: what the same domain costs through libvirt alone and a port in OVN by hand, with nothing of the
// control plane between. Uses the private daemons of a cloud that runs, beside it.
import { mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { randomUUID } from 'node:crypto';
import { LibvirtHypervisor } from '#drivers/libvirt/real.ts';
import { writeOverlay } from '#drivers/disk-image/qcow2-overlay.ts';
import { northbound } from '#drivers/ovn/schema.ts';
import { createOvsSwitch } from '#drivers/ovs/real.ts';
import { connectOvsdb, type OvsdbClient } from '#platform/ovsdb/client.ts';
import { northboundSocket } from '#cloud/steps/ovn-databases.ts';
import { DataDirectory } from '#cloud/data-directory.ts';

export interface Floor {
  /** libvirt: the domain made with its CPUs stopped, and let run. */
  readonly domainMs: number;
  /** OVN: a logical port written and its tap plugged, until it is up. */
  readonly portMs: number;
  /** Both as a launch needs them: tap first, then side by side. */
  readonly bothMs: number;
}

const HOST = 'h1';
const SWITCH = 'floor';
const NB_TABLES = {
  Logical_Switch: northbound.Logical_Switch,
  Logical_Switch_Port: northbound.Logical_Switch_Port,
};

/** `memoryMb`: of the flavor that is compared. */
export async function measureFloor(
  dataPath: string,
  { memoryMb, baseImage }: { memoryMb: number; baseImage: string },
): Promise<Floor> {
  const data = new DataDirectory(dataPath);
  const host = data.host(HOST);
  await using hypervisor = new LibvirtHypervisor({
    address: { path: join(host, 'libvirt/sock/libvirt-sock') },
    savedMemoryDir: join(host, 'saved'),
  });
  await using hostSwitch = createOvsSwitch({
    endpoint: `unix:${join(host, 'ovs/db.sock')}`,
    netns: `${data.prefix}-${HOST}`,
    integrationBridge: 'br-int',
    datapath: 'netdev',
    rundir: join(host, 'ovs'),
  });
  await using nb = connectOvsdb({
    endpoint: `unix:${northboundSocket(data)}`,
    database: 'OVN_Northbound',
    tables: NB_TABLES,
  });
  await nb.ready;
  await hypervisor.capabilities(); // a connection is not part of a launch
  await hostSwitch.listPlugged();
  if (nb.table('Logical_Switch').where('name', SWITCH).length === 0) {
    const tx = nb.transaction();
    tx.insert('Logical_Switch', { name: SWITCH });
    await tx.commit();
  }
  const parts = { hypervisor, hostSwitch, nb, host, memoryMb, baseImage };
  const separate = await once(parts, false);
  const together = await once(parts, true);
  return { domainMs: separate.domainMs, portMs: separate.portMs, bothMs: together.totalMs };
}

interface Parts {
  readonly hypervisor: LibvirtHypervisor;
  readonly hostSwitch: ReturnType<typeof createOvsSwitch>;
  readonly nb: OvsdbClient<typeof NB_TABLES>;
  readonly host: string;
  readonly memoryMb: number;
  readonly baseImage: string;
}

async function once(
  { hypervisor, hostSwitch, nb, host, memoryMb, baseImage }: Parts,
  together: boolean,
): Promise<{ domainMs: number; portMs: number; totalMs: number }> {
  const id = randomUUID();
  const portId = randomUUID();
  const devname = `tap${portId.slice(0, 11)}`;
  const mac = '02:00:00:00:00:01';
  const dir = join(host, 'floor', id);
  mkdirSync(dir, { recursive: true });
  const started = performance.now();
  const port = async (): Promise<number> => {
    const begun = performance.now();
    const [logicalSwitch] = nb.table('Logical_Switch').where('name', SWITCH);
    const tx = nb.transaction();
    const row = tx.insert('Logical_Switch_Port', { name: portId, addresses: [`${mac} 192.0.2.10`] });
    tx.mutate('Logical_Switch', logicalSwitch!._uuid, ['ports', 'insert', [row]]); // made before
    await tx.commit();
    await hostSwitch.plug({ portId, serverId: id, devname, mac, mtu: 1442 });
    plugged.resolve();
    await nb.waitUntil((view) => view.table('Logical_Switch_Port').where('name', portId)[0]?.up === true, {
      deadlineMs: 10_000,
    });
    return performance.now() - begun;
  };
  const plugged = Promise.withResolvers<void>();
  const domain = async (): Promise<number> => {
    await plugged.promise;
    const begun = performance.now();
    const disk = join(dir, 'disk');
    await writeOverlay({ path: disk, virtualSize: 2 ** 30, backing: { path: baseImage, format: 'qcow2' } });
    await hypervisor.createServer(
      {
        id,
        name: `floor-${id.slice(0, 8)}`,
        vcpus: 1,
        memoryMb,
        arch: 'x86_64',
        machine: 'pc',
        accel: 'tcg',
        cpuMode: 'default',
        disks: [
          {
            source: { kind: 'file', path: disk, format: 'qcow2' },
            device: 'disk',
            bus: 'virtio',
            target: 'vda',
            bootIndex: 1,
          },
        ],
        interfaces: [{ mac, mtu: 1442, tapName: devname, offloads: false }],
        consoleLogPath: join(dir, 'console.log'),
        serialSocketPath: join(host, 'run', `f${id.slice(0, 8)}.s`),
        vncSocketPath: join(host, 'run', `f${id.slice(0, 8)}.v`),
        randomDevice: true,
        metadata: { displayName: 'floor', projectId: 'floor', userId: 'floor', flavorName: 'floor' },
      },
      { paused: true },
    );
    return performance.now() - begun;
  };
  let portMs: number;
  let domainMs: number;
  if (together) [portMs, domainMs] = await Promise.all([port(), domain()]);
  else {
    portMs = await port();
    domainMs = await domain();
  }
  const beforeResume = performance.now();
  await hypervisor.resumeServer(id);
  domainMs += performance.now() - beforeResume;
  const totalMs = performance.now() - started;
  await hypervisor.destroyServer(id);
  await hostSwitch.unplug(devname);
  const [row] = nb.table('Logical_Switch_Port').where('name', portId);
  const [logicalSwitch] = nb.table('Logical_Switch').where('name', SWITCH);
  const tx = nb.transaction();
  if (row && logicalSwitch)
    tx.mutate('Logical_Switch', logicalSwitch._uuid, ['ports', 'delete', [row._uuid]]);
  await tx.commit();
  rmSync(dir, { recursive: true });
  return { domainMs, portMs, totalMs };
}

/** The image that the cloud has cached, to make the same overlay over it. */
export function cachedImage(dataPath: string): string {
  const dir = join(new DataDirectory(dataPath).host(HOST), 'image-cache');
  const [name] = readdirSync(dir);
  if (name === undefined) throw new Error(`${dir} is empty: launch something first`);
  return join(dir, name);
}
