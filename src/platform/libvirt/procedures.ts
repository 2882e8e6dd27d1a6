// The procedures we speak, one entry each: numbers and field order are libvirt's, names are its C names
// in camelCase without the leading `vir`. Results of `void` procedures are empty replies.
import {
  readCounters,
  readDomain,
  readSecret,
  readTypedParams,
  writeDomain,
  writeSecret,
  writeTypedParams,
  writeUuid,
} from './codec.ts';
import type { DomainRef, SecretRef, SentParams, TypedParams } from './codec.ts';
import { nothing, qemu, remote } from './procedure.ts';
import type { XdrReader, XdrWriter } from './xdr.ts';

const LIST_MAX = 16_384;

type WithDomain = { domain: DomainRef };
type WithFlags = { domain: DomainRef; flags: number };

const domainOnly = (w: XdrWriter, a: WithDomain) => writeDomain(w, a.domain);
const domainFlags = (w: XdrWriter, a: WithFlags) => writeDomain(w, a.domain).uint(a.flags);
const deviceChange = (w: XdrWriter, a: WithFlags & { xml: string }) =>
  writeDomain(w, a.domain).string(a.xml).uint(a.flags);
const xmlFlags = (w: XdrWriter, a: { xml: string; flags: number }) => w.string(a.xml).uint(a.flags);
const readString = (r: XdrReader) => r.string();

export interface NodeInfo {
  readonly model: string;
  readonly memoryKib: bigint;
  readonly cpus: number;
  readonly mhz: number;
  readonly nodes: number;
  readonly sockets: number;
  readonly cores: number;
  readonly threads: number;
}

function readNodeInfo(r: XdrReader): NodeInfo {
  // `char model[32]` travels as 32 ints of one character each.
  const characters = Array.from({ length: 32 }, () => r.int());
  const end = characters.indexOf(0);
  const model = String.fromCharCode(...characters.slice(0, end < 0 ? 32 : end));
  const memoryKib = r.uhyper();
  const [cpus, mhz, nodes, sockets, cores, threads] = [r.int(), r.int(), r.int(), r.int(), r.int(), r.int()];
  return { model, memoryKib, cpus, mhz, nodes, sockets, cores, threads };
}

// Connection and node

export const authList = remote('authList', 66, nothing, (r) => r.array(20, (item) => item.int()));
export const connectSupportsFeature = remote(
  'connectSupportsFeature',
  60,
  (w, feature: number) => w.int(feature),
  (r) => r.int() !== 0,
);
export const connectOpen = remote(
  'connectOpen',
  1,
  (w, a: { uri: string; flags: number }) => w.optionalString(a.uri).uint(a.flags),
  nothing,
);
export const connectClose = remote('connectClose', 2, nothing, nothing);
/** Hypervisor version as major × 1,000,000 + minor × 1,000 + release. */
export const connectGetVersion = remote('connectGetVersion', 4, nothing, (r) => Number(r.uhyper()));
/** libvirt's own version, same form. */
export const connectGetLibVersion = remote('connectGetLibVersion', 157, nothing, (r) => Number(r.uhyper()));
export const connectGetHostname = remote('connectGetHostname', 59, nothing, readString);
export const connectGetCapabilities = remote('connectGetCapabilities', 7, nothing, readString);
export const connectGetDomainCapabilities = remote(
  'connectGetDomainCapabilities',
  342,
  (w, a: { emulator?: string; arch?: string; machine?: string; virtType?: string }) =>
    w
      .optionalString(a.emulator)
      .optionalString(a.arch)
      .optionalString(a.machine)
      .optionalString(a.virtType)
      .uint(0),
  readString,
);
export const nodeGetInfo = remote('nodeGetInfo', 6, nothing, readNodeInfo);

/** libvirt's statistics calls come twice: first for the number of entries, then for the entries. */
const readCountersAndCount = (r: XdrReader) => {
  const values = readCounters(r);
  return { values, available: r.int() };
};
export const nodeGetMemoryStats = remote(
  'nodeGetMemoryStats',
  228,
  (w, a: { count: number; cell: number }) => w.int(a.count).int(a.cell).uint(0),
  readCountersAndCount,
);
export const nodeGetCpuStats = remote(
  'nodeGetCpuStats',
  227,
  (w, a: { count: number; cpu: number }) => w.int(a.cpu).int(a.count).uint(0),
  readCountersAndCount,
);

// Domains: find and read

export const connectListAllDomains = remote(
  'connectListAllDomains',
  273,
  (w, flags: number) => w.int(1).uint(flags),
  (r) => r.array(LIST_MAX, readDomain),
);
export const domainLookupByName = remote(
  'domainLookupByName',
  23,
  (w, name: string) => w.string(name),
  readDomain,
);
export const domainLookupByUuid = remote('domainLookupByUuid', 24, writeUuid, readDomain);
export const domainGetXmlDesc = remote('domainGetXmlDesc', 14, domainFlags, readString);
/** `state` is one of DomainState, `reason` depends on it. */
export const domainGetState = remote('domainGetState', 212, domainFlags, (r) => ({
  state: r.int(),
  reason: r.int(),
}));
export const domainGetInfo = remote('domainGetInfo', 16, domainOnly, (r) => ({
  state: r.uint(),
  maxMemoryKib: r.uhyper(),
  memoryKib: r.uhyper(),
  vcpus: r.uint(),
  cpuTimeNs: r.uhyper(),
}));
const METADATA_ELEMENT = 2;
/** The metadata element of one namespace; ErrorCode.noDomainMetadata if there is none. */
export const domainGetMetadataElement = remote(
  'domainGetMetadata',
  265,
  (w, a: { domain: DomainRef; uri: string }) =>
    writeDomain(w, a.domain).int(METADATA_ELEMENT).optionalString(a.uri).uint(0),
  readString,
);

// Domains: life cycle

export const domainCreateXml = remote('domainCreateXml', 10, xmlFlags, readDomain);
export const domainDefineXmlFlags = remote('domainDefineXmlFlags', 350, xmlFlags, readDomain);
export const domainCreateWithFlags = remote('domainCreateWithFlags', 196, domainFlags, readDomain);
export const domainUndefineFlags = remote('domainUndefineFlags', 231, domainFlags, nothing);
export const domainDestroyFlags = remote('domainDestroyFlags', 234, domainFlags, nothing);
export const domainShutdownFlags = remote('domainShutdownFlags', 258, domainFlags, nothing);
export const domainReboot = remote('domainReboot', 27, domainFlags, nothing);
export const domainReset = remote('domainReset', 245, domainFlags, nothing);
export const domainInjectNmi = remote('domainInjectNmi', 210, domainFlags, nothing);
/** Stops the vCPUs; memory stays. */
export const domainSuspend = remote('domainSuspend', 34, domainOnly, nothing);
export const domainResume = remote('domainResume', 28, domainOnly, nothing);
/** Only for persistent domains. */
export const domainManagedSave = remote('domainManagedSave', 182, domainFlags, nothing);
export const domainHasManagedSaveImage = remote(
  'domainHasManagedSaveImage',
  183,
  domainFlags,
  (r) => r.int() !== 0,
);
export const domainManagedSaveRemove = remote('domainManagedSaveRemove', 184, domainFlags, nothing);
/** Writes memory and device state to a file and ends the domain. */
export const domainSaveFlags = remote(
  'domainSaveFlags',
  232,
  (w, a: WithFlags & { path: string; xml?: string }) =>
    writeDomain(w, a.domain).string(a.path).optionalString(a.xml).uint(a.flags),
  nothing,
);
export const domainRestoreFlags = remote(
  'domainRestoreFlags',
  233,
  (w, a: { path: string; xml?: string; flags: number }) =>
    w.string(a.path).optionalString(a.xml).uint(a.flags),
  nothing,
);
export const domainSaveImageGetXmlDesc = remote(
  'domainSaveImageGetXmlDesc',
  235,
  (w, a: { path: string; flags: number }) => w.string(a.path).uint(a.flags),
  readString,
);

export interface MigrateArguments {
  readonly domain: DomainRef;
  /** Where the source reaches the destination's libvirt. */
  readonly uri: string;
  readonly params: SentParams;
  /** A sum of MigrateFlag. */
  readonly flags: number;
}
/** All of a migration that the two libvirts do by themselves (peer to peer). The answer comes when it has ended. */
export const domainMigratePerform3Params = remote(
  'domainMigratePerform3Params',
  305,
  (w, a: MigrateArguments) =>
    writeTypedParams(writeDomain(w, a.domain).optionalString(a.uri), a.params)
      .opaque(NO_COOKIE)
      .uint(a.flags),
  nothing,
);
/** For migrations that a client leads. */
const NO_COOKIE = new Uint8Array();

// Domains: devices, statistics, consoles

export const domainAttachDeviceFlags = remote('domainAttachDeviceFlags', 160, deviceChange, nothing);
/** Only asks the guest: the device is gone when the `deviceRemoved` event came. */
export const domainDetachDeviceFlags = remote('domainDetachDeviceFlags', 161, deviceChange, nothing);
export const domainUpdateDeviceFlags = remote('domainUpdateDeviceFlags', 174, deviceChange, nothing);
export const domainBlockResize = remote(
  'domainBlockResize',
  251,
  (w, a: WithFlags & { disk: string; size: bigint }) =>
    writeDomain(w, a.domain).string(a.disk).uhyper(a.size).uint(a.flags),
  nothing,
);
/** Begins a copy of a disk into the storage of another disk's XML; the guest goes on, and writes to both once it is complete. */
export const domainBlockCopy = remote(
  'domainBlockCopy',
  345,
  (w, a: WithFlags & { disk: string; xml: string }) =>
    writeDomain(w, a.domain).string(a.disk).string(a.xml).array([], nothing).uint(a.flags),
  nothing,
);
/** `found`: the disk has a job. */
export const domainGetBlockJobInfo = remote(
  'domainGetBlockJobInfo',
  238,
  (w, a: WithFlags & { disk: string }) => writeDomain(w, a.domain).string(a.disk).uint(a.flags),
  (r) => ({
    found: r.int() !== 0,
    type: r.int(),
    bandwidth: r.uhyper(),
    cursor: r.uhyper(),
    end: r.uhyper(),
  }),
);
/** `flags` is one of BlockJobAbortFlag. */
export const domainBlockJobAbort = remote(
  'domainBlockJobAbort',
  237,
  (w, a: WithFlags & { disk: string }) => writeDomain(w, a.domain).string(a.disk).uint(a.flags),
  nothing,
);
export const domainBlockStats = remote(
  'domainBlockStats',
  64,
  (w, a: { domain: DomainRef; device: string }) => writeDomain(w, a.domain).string(a.device),
  (r) => ({
    readRequests: r.hyper(),
    readBytes: r.hyper(),
    writeRequests: r.hyper(),
    writeBytes: r.hyper(),
    errors: r.hyper(),
  }),
);
export const domainInterfaceStats = remote(
  'domainInterfaceStats',
  65,
  (w, a: { domain: DomainRef; device: string }) => writeDomain(w, a.domain).string(a.device),
  (r) => ({
    rxBytes: r.hyper(),
    rxPackets: r.hyper(),
    rxErrors: r.hyper(),
    rxDrop: r.hyper(),
    txBytes: r.hyper(),
    txPackets: r.hyper(),
    txErrors: r.hyper(),
    txDrop: r.hyper(),
  }),
);
export interface DomainStats {
  readonly domain: DomainRef;
  readonly params: TypedParams;
}
/** `stats` is a sum of StatsFlag; no domains means all. */
export const connectGetAllDomainStats = remote(
  'connectGetAllDomainStats',
  344,
  (w, a: { domains: readonly DomainRef[]; stats: number; flags: number }) =>
    w.array(a.domains, writeDomain).uint(a.stats).uint(a.flags),
  (r) =>
    r.array(LIST_MAX, (item): DomainStats => ({ domain: readDomain(item), params: readTypedParams(item) })),
);
export const domainGetJobStats = remote('domainGetJobStats', 298, domainFlags, (r) => ({
  type: r.int(),
  params: readTypedParams(r),
}));
export const domainAbortJob = remote('domainAbortJob', 164, domainOnly, nothing);
/** Answers the image's MIME type; the image itself follows as a stream. */
export const domainScreenshot = remote(
  'domainScreenshot',
  211,
  (w, a: WithFlags & { screen: number }) => writeDomain(w, a.domain).uint(a.screen).uint(a.flags),
  (r) => r.optionalString(),
);
/** Opens a stream both ways; without `device` the first console or serial port. */
export const domainOpenConsole = remote(
  'domainOpenConsole',
  201,
  (w, a: WithFlags & { device?: string }) => writeDomain(w, a.domain).optionalString(a.device).uint(a.flags),
  nothing,
);
export const qemuDomainMonitorCommand = qemu(
  'qemuDomainMonitorCommand',
  1,
  (w, a: WithFlags & { command: string }) => writeDomain(w, a.domain).string(a.command).uint(a.flags),
  readString,
);

// Secrets

export const secretDefineXml = remote('secretDefineXml', 142, xmlFlags, readSecret);
export const secretLookupByUuid = remote('secretLookupByUuid', 141, writeUuid, readSecret);
export const secretSetValue = remote(
  'secretSetValue',
  144,
  (w, a: { secret: SecretRef; value: Uint8Array }) => writeSecret(w, a.secret).opaque(a.value).uint(0),
  nothing,
);
export const secretUndefine = remote('secretUndefine', 146, writeSecret, nothing);

// Events

/** Without a domain, for all domains. Answers the id that every event then carries. */
export const connectDomainEventCallbackRegisterAny = remote(
  'connectDomainEventCallbackRegisterAny',
  316,
  (w, a: { eventId: number; domain?: DomainRef }) => w.int(a.eventId).optional(a.domain, writeDomain),
  (r) => r.int(),
);
export const connectDomainEventCallbackDeregisterAny = remote(
  'connectDomainEventCallbackDeregisterAny',
  317,
  (w, callbackId: number) => w.int(callbackId),
  nothing,
);
