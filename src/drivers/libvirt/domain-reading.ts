// What libvirt answers → our words: XML documents, statistics, states, errors. Pure.
import { XMLParser } from 'fast-xml-parser';
import { DomainState, PausedReason } from '#platform/libvirt/constants.ts';
import { ErrorCode, LibvirtConnectionError, LibvirtError } from '#platform/libvirt/errors.ts';
import type { NodeInfo } from '#platform/libvirt/procedures.ts';
import type { TypedParams } from '#platform/libvirt/codec.ts';
import { HypervisorError } from './errors.ts';
import type { HypervisorErrorCode } from './errors.ts';
import type { Diagnostics, HypervisorCapabilities, ServerState, ServerStateName } from './port.ts';

type Node = { readonly [name: string]: Node | (Node | string)[] | string | undefined };

const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  parseTagValue: false,
  parseAttributeValue: false,
});

function nodeOf(value: Node[string]): Node {
  return typeof value === 'object' && !Array.isArray(value) ? value : {};
}

/** An element that occurs once is no list to the parser. */
function listOf(value: Node[string]): (Node | string)[] {
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function nodesOf(value: Node[string]): Node[] {
  return listOf(value).filter((item) => typeof item === 'object');
}

function textOf(value: Node[string]): string | undefined {
  if (typeof value === 'string') return value;
  const text = nodeOf(value)['#text'];
  return typeof text === 'string' ? text : undefined;
}

export interface DomainDevices {
  readonly serialSocketPath?: string;
  readonly vncSocketPath?: string;
  readonly consoleLogPath?: string;
  readonly macs: ReadonlySet<string>;
  readonly diskTargets: ReadonlySet<string>;
}

export interface DomainDisk {
  readonly target: string;
  readonly device: 'disk' | 'cdrom';
  readonly serial?: string;
  /** libvirt's name for the device; it is part of QEMU's. */
  readonly alias?: string;
  readonly discard: boolean;
  /** Names the storage; equal for equal storage. */
  readonly sourceKey: string;
  /** QEMU opens LUKS for the guest. */
  readonly encrypted: boolean;
  /** libvirt shows only a part of the storage: a copy began with it. */
  readonly sliced: boolean;
  /** A copy of the disk is under way; `ready` when it has caught up. */
  readonly copy?: 'running' | 'ready';
  /** Set for a disk from an NBD server. */
  readonly nbd?: { readonly exportName: string; readonly server: NbdServer };
}

/** As QEMU names a socket. */
export type NbdServer =
  | { readonly type: 'unix'; readonly path: string }
  | { readonly type: 'inet'; readonly host: string; readonly port: string };

/** Disks of a domain's live XML, in its order. */
export function readDomainDisks(xml: string): DomainDisk[] {
  const devices = nodeOf(nodeOf(nodeOf(parser.parse(xml) as Node).domain).devices);
  return nodesOf(devices.disk).flatMap((disk) => {
    const target = textOf(nodeOf(disk.target)['@dev']);
    if (target === undefined) return [];
    const serial = textOf(disk.serial);
    const alias = textOf(nodeOf(disk.alias)['@name']);
    const nbd = nbdOf(nodeOf(disk.source));
    const mirror = disk.mirror === undefined ? undefined : nodeOf(disk.mirror);
    return {
      target,
      device: disk['@device'] === 'cdrom' ? 'cdrom' : 'disk',
      ...(serial !== undefined && { serial }),
      ...(alias !== undefined && { alias }),
      discard: nodeOf(disk.driver)['@discard'] === 'unmap',
      encrypted: nodeOf(disk.source).encryption !== undefined,
      sliced: nodeOf(disk.source).slices !== undefined,
      sourceKey: sourceKeyOf(nodeOf(disk.source)),
      ...(mirror && { copy: mirror['@ready'] === 'yes' ? 'ready' : 'running' }),
      ...(nbd && { nbd }),
    };
  });
}

/** Of a `source` element: a file, a device, or a name at hosts. */
function sourceKeyOf(source: Node): string {
  const hosts = nodesOf(source.host).map((host) =>
    [host['@socket'], host['@name'], host['@port']].map(textOf).join(' '),
  );
  return JSON.stringify([
    ...['@file', '@dev', '@protocol', '@name'].map((name) => textOf(source[name]) ?? null),
    ...hosts,
  ]);
}

/** The same of a disk's own XML. */
export function readSourceKey(diskXml: string): string {
  return sourceKeyOf(nodeOf(nodeOf((parser.parse(diskXml) as Node).disk).source));
}

function nbdOf(source: Node): DomainDisk['nbd'] {
  const host = nodeOf(source.host);
  const [exportName, path, name, port] = [source['@name'], host['@socket'], host['@name'], host['@port']].map(
    textOf,
  );
  if (source['@protocol'] !== 'nbd' || exportName === undefined) return undefined;
  if (path !== undefined) return { exportName, server: { type: 'unix', path } };
  if (name === undefined || port === undefined) return undefined;
  return { exportName, server: { type: 'inet', host: name, port } };
}

/** Sizes that QEMU tells of its disks, by target. */
export function readDiskSizes(params: TypedParams): Map<string, number> {
  const count = Number(params.get('block.count') ?? 0);
  return new Map(
    Array.from({ length: count }, (_, i) => [
      String(params.get(`block.${i}.name`)),
      Number(params.get(`block.${i}.capacity`) ?? 0),
    ]),
  );
}

/** The parts of a domain's live XML that we look for. */
export function readDomainDevices(xml: string): DomainDevices {
  const devices = nodeOf(nodeOf(nodeOf(parser.parse(xml) as Node).domain).devices);
  const serial = nodesOf(devices.serial)[0] ?? {};
  const listens = nodesOf(devices.graphics).flatMap((graphics) => nodesOf(graphics.listen));
  const serialSocketPath = textOf(nodeOf(serial.source)['@path']);
  const consoleLogPath = textOf(nodeOf(serial.log)['@file']);
  const vncSocketPath = textOf(listens.find((listen) => listen['@type'] === 'socket')?.['@socket']);
  return {
    ...(serialSocketPath !== undefined && { serialSocketPath }),
    ...(consoleLogPath !== undefined && { consoleLogPath }),
    ...(vncSocketPath !== undefined && { vncSocketPath }),
    macs: namesIn(nodesOf(devices.interface).map((nic) => nodeOf(nic.mac)['@address'])),
    diskTargets: namesIn(nodesOf(devices.disk).map((disk) => nodeOf(disk.target)['@dev'])),
  };
}

function namesIn(values: Node[string][]): Set<string> {
  return new Set(values.filter((value) => typeof value === 'string'));
}

/** From libvirt's capabilities document. */
export function readCapabilities(
  xml: string,
  facts: {
    readonly version: number;
    readonly hostname: string;
    readonly node: NodeInfo;
    readonly memoryKib: bigint;
  },
): HypervisorCapabilities {
  const document = nodeOf((parser.parse(xml) as Node).capabilities);
  const cpu = nodeOf(nodeOf(document.host).cpu);
  const arch = textOf(cpu.arch) ?? facts.node.model;
  const guestArchs = nodesOf(document.guest).map((guest) => nodeOf(guest.arch));
  const ours = guestArchs.find((guest) => guest['@name'] === arch) ?? {};
  const offersKvm = nodesOf(ours.domain).some((domain) => domain['@type'] === 'kvm');
  const machines = listOf(ours.machine).map(textOf);
  return {
    hypervisor: 'QEMU',
    version: facts.version,
    hostname: facts.hostname,
    arch,
    cpus: facts.node.cpus,
    sockets: facts.node.sockets,
    cores: facts.node.cores,
    threads: facts.node.threads,
    memoryMb: Number(facts.memoryKib / 1024n),
    cpuModel: textOf(cpu.model) ?? 'unknown',
    cpuVendor: textOf(cpu.vendor) ?? 'unknown',
    cpuFeatures: nodesOf(cpu.feature).flatMap((feature) => textOf(feature['@name']) ?? []),
    accels: offersKvm ? ['tcg', 'kvm'] : ['tcg'],
    machines: [...new Set(machines.filter((machine) => machine !== undefined))],
  };
}

/** Of libvirt's capabilities: `dac`, with `apparmor` or `selinux` where it confines guests. */
export function readSecurityModels(xml: string): string[] {
  const host = nodeOf(nodeOf((parser.parse(xml) as Node).capabilities).host);
  return nodesOf(host.secmodel).flatMap(({ model }) => textOf(model) ?? []);
}

export function serverStateOf(state: number, reason: number): ServerState {
  switch (state) {
    case DomainState.running:
    case DomainState.blocked:
      return { state: 'running' };
    case DomainState.paused:
    case DomainState.pmSuspended:
      return pausedStateOf(reason);
    case DomainState.shuttingDown:
      return { state: 'shutting-down' };
    case DomainState.crashed:
      return { state: 'crashed' };
    default:
      // Transient domains are gone when they are off.
      return { state: 'absent' };
  }
}

function pausedStateOf(reason: number): ServerState {
  switch (reason) {
    case PausedReason.ioError:
      return { state: 'paused', reason: 'io-error' };
    case PausedReason.startingUp:
      return { state: 'paused', reason: 'starting-up' };
    case PausedReason.save:
      return { state: 'paused', reason: 'saving' };
    case PausedReason.migration:
      return { state: 'paused', reason: 'migrating' };
    case PausedReason.crashed:
      return { state: 'crashed' };
    default:
      return { state: 'paused', reason: 'user' };
  }
}

/** From the parameters of connectGetAllDomainStats; what libvirt leaves out counts as 0. */
export function readDiagnostics(state: ServerStateName, params: TypedParams): Diagnostics {
  const count = (name: string): bigint => {
    const value = params.get(name);
    return typeof value === 'bigint' || typeof value === 'number' ? BigInt(value) : 0n;
  };
  const text = (name: string): string => String(params.get(name) ?? '');
  const each = <T>(total: string, read: (index: number) => T): T[] =>
    Array.from({ length: Number(count(total)) }, (_, index) => read(index));
  const megabytes = (name: string): number => Number(count(name) / 1024n);
  return {
    state,
    cpuTimeNs: count('cpu.time'),
    vcpus: each('vcpu.current', (i) => ({ timeNs: count(`vcpu.${i}.time`) })),
    memory: { maximumMb: megabytes('balloon.maximum'), residentMb: megabytes('balloon.rss') },
    interfaces: each('net.count', (i) => ({
      tapName: text(`net.${i}.name`),
      rxBytes: count(`net.${i}.rx.bytes`),
      rxPackets: count(`net.${i}.rx.pkts`),
      rxErrors: count(`net.${i}.rx.errs`),
      rxDrop: count(`net.${i}.rx.drop`),
      txBytes: count(`net.${i}.tx.bytes`),
      txPackets: count(`net.${i}.tx.pkts`),
      txErrors: count(`net.${i}.tx.errs`),
      txDrop: count(`net.${i}.tx.drop`),
    })),
    disks: each('block.count', (i) => ({
      target: text(`block.${i}.name`),
      readBytes: count(`block.${i}.rd.bytes`),
      readRequests: count(`block.${i}.rd.reqs`),
      writeBytes: count(`block.${i}.wr.bytes`),
      writeRequests: count(`block.${i}.wr.reqs`),
    })),
  };
}

const CODES: ReadonlyMap<number, HypervisorErrorCode> = new Map([
  [ErrorCode.noDomain, 'no-server'],
  [ErrorCode.domExist, 'server-exists'],
  [ErrorCode.operationInvalid, 'wrong-state'],
  [ErrorCode.deviceMissing, 'no-device'],
  [ErrorCode.xmlError, 'invalid-spec'],
  [ErrorCode.configUnsupported, 'invalid-spec'],
  [ErrorCode.invalidArg, 'invalid-spec'],
  [ErrorCode.operationTimeout, 'timeout'],
]);

/** Any error of the client in our words; others as they are. */
export function translateError(error: unknown, serverId?: string): unknown {
  const details = { cause: error, ...(serverId !== undefined && { serverId }) };
  if (error instanceof LibvirtError) {
    return new HypervisorError(
      CODES.get(error.code) ?? 'failed',
      `the hypervisor refused ${error.procedure}`,
      details,
    );
  }
  if (error instanceof LibvirtConnectionError) {
    const code = error.code === 'timeout' ? 'timeout' : 'unreachable';
    return new HypervisorError(code, 'no answer from the hypervisor', details);
  }
  return error;
}
