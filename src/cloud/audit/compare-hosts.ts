// Guests, taps and files of each host against the servers that should be there. Called by compare.ts.
import { instanceOfSocket, moveOfDirectory } from '#compute/host/paths.ts';
import { Servers } from './servers.ts';
import type { InstanceRecord } from './store.ts';
import type { HostThings, Things } from './things.ts';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What libvirt must say of a server's guest, by the server's state. */
const GUEST_STATE: Readonly<Record<string, string>> = { active: 'running', paused: 'paused' };
/** States in which a server has a disk on its host. */
const HAS_DISK = new Set(['active', 'paused', 'stopped', 'suspended', 'resized']);
const RUNNING = 1; // power state

/** A resized server may have been off before, and may have been powered off since. */
const guestStateOf = ({ vm_state, power_state }: InstanceRecord): string | undefined =>
  vm_state === 'resized' && power_state === RUNNING ? 'running' : GUEST_STATE[vm_state];

export function compareHosts(things: Things, servers: Servers): string[] {
  const known = new Set(things.hosts.map((host) => host.name));
  const nowhere = servers.resting
    .filter((server) => server.host !== null && !known.has(server.host))
    .map((server) => `missing: ${Servers.describe(server)} is on host ${server.host}, which is not there`);
  return [...nowhere, ...things.hosts.flatMap((host) => new HostComparison(host, things, servers).run())];
}

class HostComparison {
  readonly #host: HostThings;
  readonly #things: Things;
  readonly #servers: Servers;
  /** Resting servers whose place this is. */
  readonly #own: readonly InstanceRecord[];

  constructor(host: HostThings, things: Things, servers: Servers) {
    this.#host = host;
    this.#things = things;
    this.#servers = servers;
    this.#own = servers.resting.filter((server) => server.host === host.name);
  }

  run(): string[] {
    return [...this.#guests(), ...this.#devices(), ...this.#metadata(), ...this.#files(), ...this.#disks()];
  }

  /** Not a server that is here, nor one that something is done with. */
  #isForeign(id: string): boolean {
    return !this.#servers.isBusy(id) && this.#servers.live.get(id)?.host !== this.#host.name;
  }

  /** The directory of a server as it was before its move, which may be taken back. */
  #isKept(name: string): boolean {
    const move = moveOfDirectory(name);
    return (
      move !== undefined &&
      (this.#servers.isBusy(move.instanceId) || this.#servers.isMoving(move.migrationUuid))
    );
  }

  #guests(): string[] {
    const { guests, emulators, name } = this.#host;
    if (!guests) return [];
    const states = new Map(guests.map((guest) => [guest.id, guest.state]));
    const foreign = guests
      .filter((guest) => this.#isForeign(guest.id))
      .map(
        (guest) => `orphan: libvirt on ${name} has the guest ${guest.name} of ${guest.id}, no server there`,
      );
    const lost = (emulators ?? [])
      .filter(({ id }) => !states.has(id) && !this.#servers.isBusy(id))
      .map(({ pid, id }) => `orphan: process ${pid} on ${name} emulates ${id}, which libvirt does not know`);
    const wrong = this.#own.flatMap((server) => {
      const wanted = guestStateOf(server);
      const state = states.get(server.id);
      const who = Servers.describe(server);
      if (wanted === undefined)
        return state === undefined || !HAS_DISK.has(server.vm_state)
          ? []
          : [`orphan: the guest of ${who} is ${state} on ${name}`];
      return state === wanted ? [] : [`missing: the guest of ${who} is ${state ?? 'not there'} on ${name}`];
    });
    return [...foreign, ...lost, ...wrong];
  }

  #devices(): string[] {
    const { interfaces, taps, name } = this.#host;
    if (!interfaces) return [];
    const ports = new Set(this.#things.records.ports.map((port) => port.id));
    const foreign = interfaces.flatMap((device) => {
      if (device.serverId === undefined)
        return ports.has(device.portId)
          ? []
          : [`orphan: interface ${device.name} on ${name} is of port ${device.portId}, which is not there`];
      if (this.#isForeign(device.serverId))
        return [`orphan: interface ${device.name} on ${name} is of ${device.serverId}, no server there`];
      return ports.has(device.portId) || this.#servers.isBusy(device.serverId)
        ? []
        : [`orphan: interface ${device.name} on ${name} is of port ${device.portId}, which is not there`];
    });
    const plugged = new Set(interfaces.map((device) => device.name));
    const loose = (taps ?? [])
      .filter((tap) => !plugged.has(tap) && !this.#isBusyTap(tap))
      .map((tap) => `orphan: device ${tap} on ${name} is on no bridge`);
    const unplugged = this.#own
      .filter((server) => guestStateOf(server) !== undefined)
      .flatMap((server) =>
        (JSON.parse(server.vifs_json) as Array<{ port_id: string; devname: string }>)
          .filter((vif) => !plugged.has(vif.devname))
          .map((vif) => `missing: ${Servers.describe(server)} has no interface ${vif.devname} on ${name}`),
      );
    return [...foreign, ...loose, ...unplugged];
  }

  #isBusyTap(tap: string): boolean {
    return this.#things.records.ports.some(
      (port) => this.#servers.isBusy(port.device_id) && tap === `tap${port.id.slice(0, 11)}`,
    );
  }

  #metadata(): string[] {
    return (this.#host.metadataNetworks ?? [])
      .filter((short) => !this.#things.records.networks.some((id) => id.startsWith(short)))
      .map(
        (short) => `orphan: metadata on ${this.#host.name} answers in network ${short}…, which is not there`,
      );
  }

  #files(): string[] {
    const { name, directories, sockets, savedMemory, cacheFiles } = this.#host;
    const live = new Set((this.#host.guests ?? []).map((guest) => guest.id));
    return [
      ...directories
        .filter((each) => (UUID.test(each.name) ? this.#isForeign(each.name) : !this.#isKept(each.name)))
        .map((each) => `orphan: instances/${each.name} on ${name} is of no server there`),
      ...directories
        .filter((each) => !this.#servers.isBusy(each.name))
        .flatMap((each) =>
          each.files.filter((file) => file.startsWith('snapshot-')).map((file) => `${each.name}/${file}`),
        )
        .map((file) => `orphan: instances/${file} on ${name} is of a snapshot that has ended`),
      ...sockets
        .filter((file) => this.#isForeign(instanceOfSocket(file)) && !live.has(instanceOfSocket(file)))
        .map((file) => `orphan: socket run/${file} on ${name} is of no guest`),
      ...savedMemory
        .filter((file) => this.#isForeign(file.split('.')[0] ?? ''))
        .map((file) => `orphan: saved/${file} on ${name} is of no server there`),
      ...(!this.#someBusy()
        ? cacheFiles
            .filter((file) => file.endsWith('.part'))
            .map((file) => `orphan: image-cache/${file} on ${name} was never finished`)
        : []),
    ];
  }

  #someBusy(): boolean {
    return this.#things.records.actions.length > 0;
  }

  #disks(): string[] {
    const { inCeph, ceph: shared } = this.#things;
    // Without an image the root disk is a volume.
    const own = this.#own.filter((server) => HAS_DISK.has(server.vm_state) && server.image_id !== null);
    if (shared)
      return own
        .filter((server) => !shared.disks.includes(server.id))
        .map((server) => `missing: ${Servers.describe(server)} has no disk in Ceph`);
    if (inCeph) return []; // the cluster does not run
    return own
      .filter(
        (server) =>
          !this.#host.directories.some((each) => each.name === server.id && each.files.includes('disk')),
      )
      .map((server) => `missing: ${Servers.describe(server)} has no disk on ${this.#host.name}`);
  }
}
