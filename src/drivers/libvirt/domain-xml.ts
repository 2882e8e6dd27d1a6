// GuestSpec → libvirt's domain XML. Pure. Choices that cost or save start time are in docs/libvirt-half-second.md.
import { HypervisorError } from './errors.ts';
import type { DiskSource, GuestDisk, GuestInterface, GuestSpec } from './port.ts';
import { element, renderXml } from './xml.ts';
import type { XmlChild, XmlElement } from './xml.ts';

/** Namespace of our metadata: a domain without it is not ours and is left alone. */
export const METADATA_URI = 'urn:pileus:server:1';

const SOCKET_PATH_MAX = 107;
const TAP_NAME_MAX = 15;
const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const UUID_PATTERN = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const MAC_PATTERN = /^[0-9a-f]{2}(:[0-9a-f]{2}){5}$/i;
const TARGET_PATTERN = /^(vd|sd|hd)[a-z]{1,2}$/;

const EMULATORS = { x86_64: '/usr/bin/qemu-system-x86_64', aarch64: '/usr/bin/qemu-system-aarch64' } as const;

export interface DomainSurroundings {
  /** Marks the domain, on a libvirt that other clouds use too. */
  readonly cloud?: string;
  /**
   * Security models of a libvirt that is set up by others. Its own users for guests cannot open what a cloud keeps, so
   * that these run as root without confinement, as with a private one. Absent: set up so.
   */
  readonly securityModels?: readonly string[];
}

/** Throws HypervisorError `invalid-spec` for what libvirt or the kernel would refuse less clearly. */
export function domainXml(spec: GuestSpec, { cloud, securityModels }: DomainSurroundings = {}): string {
  checkSpec(spec);
  return renderXml(
    element(
      'domain',
      { type: spec.accel === 'kvm' ? 'kvm' : 'qemu' },
      element('name', {}, spec.name),
      element('uuid', {}, spec.id),
      metadata(spec, cloud),
      element('memory', { unit: 'MiB' }, String(spec.memoryMb)),
      element('vcpu', {}, String(spec.vcpus)),
      operatingSystem(spec),
      element('features', {}, element('acpi'), spec.arch === 'x86_64' && element('apic')),
      spec.cpuMode !== 'default' && element('cpu', { mode: spec.cpuMode }),
      element('clock', { offset: 'utc' }),
      // The server ends when its guest powers off, restarts when its guest reboots.
      element('on_poweroff', {}, 'destroy'),
      element('on_reboot', {}, 'restart'),
      element('on_crash', {}, 'destroy'),
      devices(spec),
      ...securityLabels(securityModels),
    ),
  );
}

function checkSpec(spec: GuestSpec): void {
  const invalid = (message: string) => new HypervisorError('invalid-spec', message, { serverId: spec.id });
  if (!UUID_PATTERN.test(spec.id)) throw invalid(`not a UUID: ${spec.id}`);
  if (!NAME_PATTERN.test(spec.name)) throw invalid(`not a name for a host: ${spec.name}`);
  for (const socketPath of [spec.serialSocketPath, spec.vncSocketPath]) {
    if (Buffer.byteLength(socketPath) > SOCKET_PATH_MAX)
      throw invalid(`socket path is too long: ${socketPath}`);
  }
  if (!Number.isInteger(spec.vcpus) || spec.vcpus < 1)
    throw invalid(`impossible number of CPUs: ${spec.vcpus}`);
  if (!Number.isInteger(spec.memoryMb) || spec.memoryMb < 1)
    throw invalid(`impossible memory: ${spec.memoryMb} MB`);
}

/** The cloud that a domain's metadata names. */
export function cloudIn(metadataXml: string): string | undefined {
  return /\scloud=["']([^"']*)["']/.exec(metadataXml)?.[1];
}

/** libvirt's name for the model of users and permissions, which is always there. */
const BY_USER = 'dac';

function securityLabels(models: readonly string[] | undefined): XmlElement[] {
  if (models === undefined) return [element('seclabel', { type: 'none' })];
  return [
    ...models
      .filter((model) => model !== BY_USER && model !== 'none')
      .map((model) => element('seclabel', { type: 'none', model })),
    element('seclabel', { type: 'static', model: BY_USER, relabel: 'no' }, element('label', {}, '+0:+0')),
  ];
}

function metadata(spec: GuestSpec, cloud: string | undefined): XmlElement {
  const { displayName, projectId, userId, flavorName, imageId } = spec.metadata;
  return element(
    'metadata',
    {},
    element(
      'pileus:server',
      { 'xmlns:pileus': METADATA_URI, id: spec.id, cloud },
      element('pileus:name', {}, displayName),
      element('pileus:project', { id: projectId }),
      element('pileus:user', { id: userId }),
      element('pileus:flavor', { name: flavorName, vcpus: spec.vcpus, memoryMb: spec.memoryMb }),
      imageId !== undefined && element('pileus:image', { id: imageId }),
    ),
  );
}

function operatingSystem(spec: GuestSpec): XmlElement {
  const { kernel } = spec;
  return element(
    'os',
    {},
    element('type', { arch: spec.arch, machine: spec.machine }, 'hvm'),
    kernel && element('kernel', {}, kernel.kernelPath),
    kernel?.initrdPath !== undefined && element('initrd', {}, kernel.initrdPath),
    kernel?.commandLine !== undefined && element('cmdline', {}, kernel.commandLine),
  );
}

function devices(spec: GuestSpec): XmlElement {
  return element(
    'devices',
    {},
    element('emulator', {}, EMULATORS[spec.arch]),
    // A USB controller would only poll the guest's CPU: there is one where a disk is on it.
    element('controller', {
      type: 'usb',
      model: spec.disks.some((disk) => disk.bus === 'usb') ? 'qemu-xhci' : 'none',
    }),
    spec.disks.some((disk) => disk.bus === 'scsi') &&
      element('controller', { type: 'scsi', model: 'virtio-scsi' }),
    ...spec.disks.map(diskElement),
    ...spec.interfaces.map(interfaceElement),
    ...consoles(spec),
    spec.randomDevice &&
      element('rng', { model: 'virtio' }, element('backend', { model: 'random' }, '/dev/urandom')),
    element('memballoon', { model: 'none' }),
  );
}

function consoles(spec: GuestSpec): XmlChild[] {
  return [
    element(
      'serial',
      { type: 'unix' },
      element('source', { mode: 'bind', path: spec.serialSocketPath }),
      // Appending keeps the log of a server over reboots and restarts on this host.
      element('log', { file: spec.consoleLogPath, append: 'on' }),
      element('target', { port: 0 }),
    ),
    element('graphics', { type: 'vnc' }, element('listen', { type: 'socket', socket: spec.vncSocketPath })),
    element('video', {}, element('model', { type: 'vga' })),
  ];
}

/** Also what attaching at run time takes. */
export function diskElement(disk: GuestDisk): XmlElement {
  if (!TARGET_PATTERN.test(disk.target))
    throw new HypervisorError('invalid-spec', `not a disk: ${disk.target}`);
  const format = disk.source.kind === 'file' ? disk.source.format : 'raw';
  return element(
    'disk',
    { type: sourceType(disk.source), device: disk.device },
    // The guest's flushes reach the disk; going round the host's cache is refused by some file systems (tmpfs).
    element('driver', {
      name: 'qemu',
      type: format,
      cache: disk.device === 'cdrom' ? undefined : (disk.cache ?? 'writeback'),
      discard: disk.discard === true ? 'unmap' : undefined,
    }),
    ...sourceElements(disk),
    element('target', { dev: disk.target, bus: disk.bus }),
    disk.serial !== undefined && element('serial', {}, disk.serial),
    disk.bootIndex !== undefined && element('boot', { order: disk.bootIndex }),
    (disk.readonly === true || disk.device === 'cdrom') && element('readonly'),
    disk.shareable === true && element('shareable'),
  );
}

/** What a copy of the disk is written to: its first `bytes`. libvirt reads credentials there within the source only. */
export function copyElement(disk: GuestDisk, bytes: number | undefined): XmlElement {
  const elements = sourceElements(disk);
  const source = elements.at(-1)!; // of every kind
  return element(
    'disk',
    { type: sourceType(disk.source), device: 'disk' },
    element('driver', {
      name: 'qemu',
      type: disk.source.kind === 'file' ? disk.source.format : 'raw',
      cache: disk.cache ?? 'writeback',
      discard: disk.discard === true ? 'unmap' : undefined,
    }),
    {
      ...source,
      children: [
        ...source.children,
        bytes !== undefined &&
          element('slices', {}, element('slice', { type: 'storage', offset: 0, size: bytes })),
        ...elements.slice(0, -1),
      ],
    },
  );
}

function sourceType(source: DiskSource): string {
  switch (source.kind) {
    case 'file':
      return 'file';
    case 'block':
      return 'block';
    case 'nbd':
    case 'rbd':
      return 'network';
  }
}

/** Credentials of the storage, if it wants any, then the source. */
function sourceElements({ source, encryption }: GuestDisk): XmlElement[] {
  const elements = storageElements(source);
  if (!encryption) return elements;
  const luks = element(
    'encryption',
    { format: 'luks' },
    element('secret', { type: 'passphrase', uuid: encryption.secretId }),
  );
  return [
    ...elements.slice(0, -1),
    ...elements.slice(-1).map((last) => ({ ...last, children: [...last.children, luks] })),
  ];
}

function storageElements(source: DiskSource): XmlElement[] {
  switch (source.kind) {
    case 'file':
      return [element('source', { file: source.path })];
    case 'block':
      return [element('source', { dev: source.path })];
    case 'nbd':
      return [
        element(
          'source',
          { protocol: 'nbd', name: source.exportName },
          'socketPath' in source
            ? element('host', { transport: 'unix', socket: source.socketPath })
            : element('host', { name: source.host, port: source.port }),
        ),
      ];
    case 'rbd':
      return [
        element(
          'auth',
          { username: source.user },
          element('secret', { type: 'ceph', uuid: source.secretId }),
        ),
        element(
          'source',
          { protocol: 'rbd', name: `${source.pool}/${source.image}` },
          ...source.monitors.map(({ host, port }) => element('host', { name: host, port })),
        ),
      ];
  }
}

const OFF = 'off';

/** Also what attaching at run time takes. */
export function interfaceElement(nic: GuestInterface): XmlElement {
  if (!MAC_PATTERN.test(nic.mac)) throw new HypervisorError('invalid-spec', `not a MAC address: ${nic.mac}`);
  if (!/^[\w.-]+$/.test(nic.tapName) || nic.tapName.length > TAP_NAME_MAX) {
    throw new HypervisorError('invalid-spec', `not a device name: ${nic.tapName}`);
  }
  return element(
    'interface',
    { type: 'ethernet' },
    element('mac', { address: nic.mac }),
    // The tap is the network driver's: libvirt opens it, and neither makes nor deletes it.
    element('target', { dev: nic.tapName, managed: 'no' }),
    element('model', { type: 'virtio' }),
    element('mtu', { size: nic.mtu }),
    !nic.offloads &&
      element(
        'driver',
        { name: 'qemu' },
        element('host', { csum: OFF, gso: OFF, tso4: OFF, tso6: OFF, ecn: OFF, ufo: OFF }),
        element('guest', { csum: OFF, tso4: OFF, tso6: OFF, ecn: OFF, ufo: OFF }),
      ),
  );
}
