// The hops of the launch path for a server that had a host before and gets another one: with the ports and volumes that it
// has, which no undo takes from it. Used by unshelving and evacuation; the other hops are those of a launch.
import type { Saga, Step } from '#platform/saga/saga.ts';
import type { HostDeps } from '../../host/deps.ts';
import { bootsFromVolume } from '../../host/guest-spec.ts';
import { bindPorts, bindPortsTo } from '../../host/port-bindings.ts';
import { connectVolume, ownTokens } from '../../host/volumes/connect.ts';
import { maskedConnection } from '../../host/volumes/connection.ts';
import { reserveAgain } from '../../host/volumes/reimage.ts';
import { reserveVolumesAgain } from '../../host/volumes/reserve.ts';
import type { InstanceEntry, LaunchMessage } from '../../rpc.ts';
import { POWER_STATE, type BlockDeviceRow, type Vif } from '../../tables.ts';
import type { LaunchOutputs, LaunchShape } from '../launch/hops.ts';
import { loadImage, locateImage } from '../launch/image.ts';
import { bindNetwork, northbound, plugNetwork, southbound } from '../launch/network.ts';
import { activate, spawn } from '../launch/spawn.ts';
import { attachVolumes } from '../launch/volume.ts';

export interface Relaunch {
  /** With the image that its root disk is made from. */
  readonly entry: InstanceEntry;
  /** True where the root disk is there already, in storage that all hosts share. */
  readonly keepsDisk: boolean;
  /** The image is deleted afterwards: its data is copied, where a launch would clone it. */
  readonly copiesImage?: boolean;
  /** False leaves the guest stopped. */
  readonly run: boolean;
  /** The host that its ports are bound to when all is undone; empty: none. */
  readonly boundTo: string;
  /** Ends the last step, once the guest is as it should be. */
  readonly finish?: () => Promise<void>;
}

export function relaunchSaga(
  deps: HostDeps,
  name: string,
  plan: Relaunch,
): Saga<LaunchMessage, LaunchOutputs> {
  const shape = shapeOf(plan);
  return {
    name,
    steps: [
      prepareAgain(deps, plan),
      ...(shape.image ? [locateAgain(deps, plan), loadImage(deps)] : []),
      ...(shape.volumes ? [reconnectVolumes(deps)] : []),
      rebindPorts(deps, plan),
      plugNetwork(deps),
      northbound(deps),
      southbound(deps),
      bindNetwork(deps),
      spawn(deps, shape),
      ...(shape.volumes ? [attachVolumes(deps)] : []),
      { ...activate(deps, shape), do: activateAgain(deps, plan) },
    ],
  };
}

function shapeOf({ entry, keepsDisk }: Relaunch): LaunchShape {
  return {
    image: !keepsDisk && (!bootsFromVolume(entry) || entry.kernel_id !== null || entry.ramdisk_id !== null),
    volumes: entry.devices.some((device) => device.destination_type === 'volume'),
  };
}

function prepareAgain(deps: HostDeps, { entry }: Relaunch): Step<LaunchMessage, LaunchOutputs, 'prepare'> {
  return {
    name: 'prepare',
    needs: [],
    deadlineMs: 30_000,
    do: async ({ evidence }) => {
      evidence({ queue: 'conductor', host: deps.config.host, image_id: entry.image_id });
      return { entry: { ...entry, admin_password: null, user_data: null } };
    },
    // Nothing to undo: the entry was read before.
  };
}

/** Without a location it cannot be cloned, and is read through the image service. */
function locateAgain(
  deps: HostDeps,
  { copiesImage = false }: Relaunch,
): Step<LaunchMessage, LaunchOutputs, 'image.locate'> {
  const plain = locateImage(deps);
  if (!copiesImage) return plain;
  return {
    ...plain,
    do: async (context) => {
      const located = await plain.do(context);
      const { disk } = located;
      return {
        ...located,
        disk: disk && !disk.location.startsWith('file:') ? { ...disk, location: '' } : disk,
      };
    },
  };
}

function rebindPorts(
  deps: HostDeps,
  { boundTo }: Relaunch,
): Step<LaunchMessage, LaunchOutputs, 'network.allocate'> {
  return {
    name: 'network.allocate',
    needs: ['prepare'],
    deadlineMs: 60_000,
    do: async ({ outputs, evidence }) => {
      const { entry } = outputs.prepare!; // in `needs`
      const vifs = await bindPorts(deps, entry);
      await deps.conductor.call('writeVifs', { instance_id: entry.id, vifs });
      evidence({
        ports: vifs.map((vif) => ({
          port_id: vif.port_id,
          network: vif.network_label,
          mac: vif.mac,
          fixed_ips: vif.fixed_ips.map((ip) => ip.address),
          made_here: false,
        })),
      });
      return { vifs };
    },
    undo: async ({ input, outputs }) => {
      await bindPortsTo(deps, input.instance_id, boundTo);
      const vifs: readonly Vif[] = outputs['network.allocate']?.vifs ?? [];
      if (vifs.length > 0)
        await deps.conductor.call('writeVifs', {
          instance_id: input.instance_id,
          vifs: vifs.map((vif) => ({ ...vif, active: false })),
        });
    },
  };
}

function reconnectVolumes(deps: HostDeps): Step<LaunchMessage, LaunchOutputs, 'volume.connect'> {
  return {
    name: 'volume.connect',
    needs: ['prepare'],
    volatile: true,
    deadlineMs: 60_000,
    do: async ({ outputs, evidence }) => {
      const { entry } = outputs.prepare!; // in `needs`
      const tokens = await ownTokens(deps);
      const devices = await Promise.all(
        entry.devices.map(async (device): Promise<BlockDeviceRow> => {
          if (device.destination_type !== 'volume') return device;
          // What a host that is gone had of the volume is given up with its attachment.
          return connectVolume(deps, await reserveAgain(deps, device, tokens.token), tokens);
        }),
      );
      const volumes = devices.filter((device) => device.destination_type === 'volume');
      evidence({
        connections: volumes.map((device) => ({
          volume_id: device.volume_id,
          attachment_id: device.attachment_id,
          connection: maskedConnection(device.connection_json),
        })),
      });
      return { devices: volumes };
    },
    undo: async ({ input }) => {
      const entry = await deps.conductor.call('getEntry', { instance_id: input.instance_id });
      if (entry) await reserveVolumesAgain(deps, entry.devices);
    },
  };
}

/** Whoever called for it tells the conductor, once the image is not needed any more. */
function activateAgain(
  deps: HostDeps,
  { run, finish }: Relaunch,
): Step<LaunchMessage, LaunchOutputs, 'activate'>['do'] {
  return async ({ input, evidence }) => {
    if (run) await deps.hypervisor.resumeServer(input.instance_id);
    else await deps.hypervisor.destroyServer(input.instance_id);
    const { state } = await deps.hypervisor.serverState(input.instance_id);
    evidence({ state });
    await finish?.();
    return { powerState: POWER_STATE.running };
  };
}
