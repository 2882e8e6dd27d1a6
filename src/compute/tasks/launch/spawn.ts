// Hops `spawn` and `activate`: the guest is made with its CPUs stopped while OVN binds its ports, and runs when they are up.
import { mkdir, rm } from 'node:fs/promises';
import type { Step, StepContext } from '#platform/saga/saga.ts';
import { POWER_STATE, type BlockDeviceRow } from '../../tables.ts';
import type { HostDeps } from '../../host/deps.ts';
import { guestSpec } from '../../host/guest-spec.ts';
import { makeLocalDisks } from '../../host/local-disks.ts';
import { writeInstanceConfigDrive } from '../../host/metadata/config-drive.ts';
import { instancePaths, socketsDir } from '../../host/paths.ts';
import { withVolumeSecrets } from '../../host/volumes/secrets.ts';
import type { InstanceEntry, LaunchMessage } from '../../rpc.ts';
import type { LaunchOutputs, LaunchShape } from './hops.ts';

export function spawn(deps: HostDeps, shape: LaunchShape): Step<LaunchMessage, LaunchOutputs, 'spawn'> {
  return {
    name: 'spawn',
    needs: [
      'network.plug',
      ...(shape.image ? (['image.load'] as const) : []),
      ...(shape.volumes ? (['volume.connect'] as const) : []),
    ],
    volatile: true,
    deadlineMs: deps.config.spawnDeadlineMs,
    do: async ({ input, outputs, evidence }) => {
      const { entry } = outputs.prepare!; // needed by network.allocate
      const { vifs } = outputs['network.allocate']!; // needed by network.plug
      await mkdir(instancePaths(deps.config, entry.id).dir, { recursive: true, mode: 0o700 });
      await mkdir(socketsDir(deps.config), { recursive: true, mode: 0o700 });
      await makeLocalDisks(deps.config, entry.devices, { anew: true });
      const devices = connected(entry, outputs['volume.connect']?.devices ?? []);
      const configDrive = entry.config_drive === 1;
      if (configDrive) await writeInstanceConfigDrive(deps, input, vifs);
      const spec = guestSpec(deps.config, {
        entry,
        devices,
        vifs,
        boot: outputs['image.load'] ?? {},
        rootDisk: deps.rootDisks.source(entry.id),
        configDrive,
        offloads: deps.hostSwitch.offloads,
      });
      await deps.hypervisor.destroyServer(entry.id); // what an earlier run that died may have left
      const started = deps.clock.now();
      await withVolumeSecrets(deps, devices, async () =>
        deps.hypervisor.createServer(spec, { paused: true }),
      );
      evidence({
        domain: spec.name,
        uuid: spec.id,
        hypervisor_ms: deps.clock.now() - started,
        accel: spec.accel,
        machine: spec.machine,
        vcpus: spec.vcpus,
        memory_mb: spec.memoryMb,
        disks: spec.disks.map((disk) => ({ target: disk.target, bus: disk.bus, device: disk.device })),
        interfaces: spec.interfaces.map((nic) => ({ mac: nic.mac, tap: nic.tapName, mtu: nic.mtu })),
        simulated: deps.config.simulated,
      });
      return { configDrive };
    },
    undo: async ({ input }) => {
      await deps.hypervisor.destroyServer(input.instance_id);
      const paths = instancePaths(deps.config, input.instance_id);
      if (!shape.image) await rm(paths.dir, { recursive: true, force: true });
      await Promise.all(
        [paths.configDrive, paths.consoleLog, paths.serialSocket, paths.vncSocket].map(async (path) =>
          rm(path, { force: true }),
        ),
      );
    },
  };
}

/** The entry's disks as they are now: the launch has connected some since. */
function connected(entry: InstanceEntry, newer: readonly BlockDeviceRow[]): BlockDeviceRow[] {
  const byId = new Map(newer.map((device) => [device.id, device]));
  return entry.devices.map((device) => byId.get(device.id) ?? device);
}

export function activate(deps: HostDeps, shape: LaunchShape): Step<LaunchMessage, LaunchOutputs, 'activate'> {
  return {
    name: 'activate',
    needs: [
      'spawn',
      'network.bind',
      'network.southbound',
      ...(shape.volumes ? (['volume.attach'] as const) : []),
    ],
    deadlineMs: 30_000,
    do: async ({ input, evidence }: StepContext<LaunchMessage, LaunchOutputs>) => {
      await deps.hypervisor.resumeServer(input.instance_id);
      const { state } = await deps.hypervisor.serverState(input.instance_id);
      evidence({ state });
      await deps.conductor.call('finishLaunch', {
        action_id: input.action_id,
        instance_id: input.instance_id,
        power_state: POWER_STATE.running,
      });
      return { powerState: POWER_STATE.running };
    },
    // The guest is ended by the undo of `spawn`; after finishLaunch nothing fails any more.
  };
}
