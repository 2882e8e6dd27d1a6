// The Hypervisor on libvirt. Domains are transient (docs/decisions/transient-domains.md).
import { setTimeout as delay } from 'node:timers/promises';
import type { LibvirtAddress } from '#platform/libvirt/client.ts';
import { LibvirtClient } from '#platform/libvirt/client.ts';
import type { DomainRef } from '#platform/libvirt/codec.ts';
import {
  AffectFlag,
  ListDomainsFlag,
  ShutdownFlag,
  StartFlag,
  StatsFlag,
} from '#platform/libvirt/constants.ts';
import { ErrorCode, ErrorDomain, isLibvirtError } from '#platform/libvirt/errors.ts';
import type { Procedure } from '#platform/libvirt/procedure.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import { LibvirtSession } from '#platform/libvirt/session.ts';
import {
  cloudIn,
  diskElement,
  domainXml,
  interfaceElement,
  METADATA_URI,
  type DomainSurroundings,
} from './domain-xml.ts';
import type { DomainDevices } from './domain-reading.ts';
import {
  readDiagnostics,
  readSecurityModels,
  readDomainDevices,
  serverStateOf,
  translateError,
} from './domain-reading.ts';
import { HypervisorError } from './errors.ts';
import type {
  AttachedDisk,
  ConsoleEndpoints,
  DetachResult,
  Diagnostics,
  GuestDisk,
  GuestInterface,
  GuestSpec,
  HostUsage,
  Hypervisor,
  HypervisorCapabilities,
  ListedServer,
  MigrateOptions,
  ReplaceOptions,
  ServerEvent,
  ServerState,
  StorageSecret,
} from './port.ts';
import { defineSecret } from './define-secret.ts';
import { hostCapabilities, hostUsage, type HostCall } from './host-reading.ts';
import { LiveDisks } from './live-disks.ts';
import { LiveMigrations } from './live-migration.ts';
import { SavedMemory } from './saved-memory.ts';
import { subscribe } from './server-events.ts';
import { element, renderXml } from './xml.ts';

export interface LibvirtHypervisorOptions {
  readonly address: LibvirtAddress;
  /** Directory for the memory of suspended servers. */
  readonly savedMemoryDir: string;
  /** Calls under way at once; not above libvirtd's max_client_requests. */
  readonly maxInFlight?: number;
  /** Keys for storage that it is given at each connection. */
  readonly secrets?: readonly StorageSecret[];
  /** Set for a libvirt that is set up and used by others too: marks our domains, the only ones that are seen. */
  readonly sharedAs?: string;
  /** What the migration of a server takes at most, MiB/s; absent: all there is. */
  readonly migrationMbPerSecond?: number;
}

/** Starting probes QEMU on the first use after an upgrade, for up to a quarter of a minute. */
const START_TIMEOUT_MS = 120_000;
/** Memory goes to or comes from a disk that may do 50 MB/s. */
const SAVE_TIMEOUT_MS = 600_000;
/** libvirt says that a domain is gone before it lets go of its name; it takes milliseconds. */
const REMOVAL_MS = 5_000;
const RETRY_MS = 10;
/** A guest that is still booting does not hear the power button, so it is pressed again. */
const PRESS_AGAIN_MS = 5_000;
/** A lost event must not cost a stop its whole grace. */
const TICK_MS = 500;

export class LibvirtHypervisor implements Hypervisor {
  readonly #session: LibvirtSession;
  readonly #saved: SavedMemory;
  readonly #disks = new LiveDisks((...args) => this.#callFor(...args), reference);
  readonly #listeners = new Set<(event: ServerEvent) => void>();

  readonly #migrations: LiveMigrations;
  readonly #sharedAs: string | undefined;
  #surroundings: Promise<DomainSurroundings> | undefined;

  constructor(options: LibvirtHypervisorOptions) {
    this.#sharedAs = options.sharedAs;
    this.#saved = new SavedMemory(options.savedMemoryDir);
    const { address, maxInFlight, secrets = [], migrationMbPerSecond } = options;
    this.#migrations = new LiveMigrations({
      address,
      call: (...args) => this.#callFor(...args),
      reference,
      // A libvirt of others is for them to open to other hosts.
      isReached: options.sharedAs === undefined,
      bandwidthMb: migrationMbPerSecond,
    });
    this.#session = new LibvirtSession({
      connect: () => LibvirtClient.connect({ address, ...(maxInFlight !== undefined && { maxInFlight }) }),
      onConnect: async (client) => {
        for (const secret of secrets) await defineSecret(client, secret);
        await subscribe(client, (event) => this.#emit(event));
        this.#emit({ kind: 'resync' });
      },
    });
  }

  async capabilities(): Promise<HypervisorCapabilities> {
    return hostCapabilities(this.#ask);
  }

  async hostUsage(): Promise<HostUsage> {
    return hostUsage(this.#ask);
  }

  async listServers(): Promise<ListedServer[]> {
    const domains = await this.#call(libvirt.connectListAllDomains, ListDomainsFlag.active);
    const listed = await Promise.all(domains.map((domain) => this.#listedIfOurs(domain)));
    return listed.filter((server) => server !== undefined);
  }

  async serverState(id: string): Promise<ServerState> {
    const state = await this.#activeState(id);
    if (state.state !== 'absent') return state;
    return (await this.#saved.exists(id)) ? { state: 'suspended' } : state;
  }

  async createServer(spec: GuestSpec, options: { readonly paused?: boolean } = {}): Promise<void> {
    const xml = domainXml(spec, await this.#domainSurroundings());
    const { state } = await this.serverState(spec.id);
    if (state !== 'absent') throw existsError(spec);
    const flags = options.paused === true ? StartFlag.paused : 0;
    const client = await this.#client(spec.id);
    const deadline = performance.now() + REMOVAL_MS;
    for (;;) {
      try {
        await client.call(libvirt.domainCreateXml, { xml, flags }, { timeoutMs: START_TIMEOUT_MS });
        return await this.#disks.added(spec.id, spec.disks);
      } catch (error) {
        const inTheWay = isLibvirtError(error, ErrorCode.operationFailed, ErrorCode.operationInvalid);
        if (inTheWay && (await this.#isTaken(client, spec.name))) throw existsError(spec, error);
        // The domain layer refused a name that nobody has: libvirt is still removing the one before.
        const removing = inTheWay && error.domain === ErrorDomain.domain && performance.now() < deadline;
        if (!removing) throw translateError(error, spec.id);
        await delay(RETRY_MS);
      }
    }
  }

  async destroyServer(id: string): Promise<void> {
    const client = await this.#client(id);
    try {
      await client.call(libvirt.domainDestroyFlags, { domain: reference(id), flags: 0 });
    } catch (error) {
      // "Invalid" is a server that went between libvirt's two looks at it.
      if (!isLibvirtError(error, ErrorCode.noDomain, ErrorCode.operationInvalid))
        throw translateError(error, id);
    }
    await this.#saved.remove(id);
  }

  async stopServer(id: string, { graceMs }: { readonly graceMs: number }): Promise<'guest' | 'forced'> {
    const { state } = await this.#activeState(id);
    if (state === 'absent')
      throw new HypervisorError('no-server', 'there is no such server', { serverId: id });
    const deadline = performance.now() + graceMs;
    // CPUs that stand still hear no power button.
    while (state === 'running' && performance.now() < deadline) {
      if (!(await this.#pressPower(id))) return 'guest';
      if (await this.#isAbsentBy(id, Math.min(deadline, performance.now() + PRESS_AGAIN_MS))) return 'guest';
    }
    await this.destroyServer(id);
    return 'forced';
  }

  /** False when the server has ended in the meantime. */
  async #pressPower(id: string): Promise<boolean> {
    try {
      await this.#callFor(id, libvirt.domainShutdownFlags, {
        domain: reference(id),
        flags: ShutdownFlag.acpi,
      });
      return true;
    } catch (error) {
      if ((await this.#activeState(id)).state === 'absent') return false;
      throw error;
    }
  }

  async rebootServer(id: string, how: 'soft' | 'hard'): Promise<void> {
    const procedure = how === 'soft' ? libvirt.domainReboot : libvirt.domainReset;
    await this.#callFor(id, procedure, { domain: reference(id), flags: 0 });
  }

  async interruptServer(id: string): Promise<void> {
    await this.#callFor(id, libvirt.domainInjectNmi, { domain: reference(id), flags: 0 });
  }

  async pauseServer(id: string): Promise<void> {
    await this.#unlessAlready(id, 'paused', () =>
      this.#callFor(id, libvirt.domainSuspend, { domain: reference(id) }),
    );
  }

  async resumeServer(id: string): Promise<void> {
    await this.#unlessAlready(id, 'running', () =>
      this.#callFor(id, libvirt.domainResume, { domain: reference(id) }),
    );
  }

  async suspendServer(id: string): Promise<void> {
    await this.#saved.prepare();
    const args = { domain: reference(id), path: this.#saved.path(id), flags: 0 };
    await this.#unlessAlready(id, 'suspended', () =>
      this.#callFor(id, libvirt.domainSaveFlags, args, { timeoutMs: SAVE_TIMEOUT_MS }),
    );
  }

  async resumeSuspendedServer(id: string): Promise<void> {
    const { state } = await this.serverState(id);
    if (state === 'absent')
      throw new HypervisorError('no-server', 'there is no saved memory', { serverId: id });
    if (state !== 'suspended') return;
    const client = await this.#client(id);
    const path = await this.#saved.claim(id);
    try {
      await client.call(libvirt.domainRestoreFlags, { path, flags: 0 }, { timeoutMs: SAVE_TIMEOUT_MS });
    } catch (error) {
      // Only a refusal means that nothing ran on this memory.
      if (isLibvirtError(error)) await this.#saved.unclaim(id);
      throw translateError(error, id);
    }
    await this.#saved.remove(id);
    await this.#disks.restored(id);
  }

  async attachInterface(id: string, nic: GuestInterface): Promise<void> {
    const args = { domain: reference(id), xml: renderXml(interfaceElement(nic)), flags: AffectFlag.live };
    await this.#callFor(id, libvirt.domainAttachDeviceFlags, args);
  }

  detachInterface(id: string, mac: string): Promise<DetachResult> {
    const xml = renderXml(element('interface', { type: 'ethernet' }, element('mac', { address: mac })));
    return this.#detach(id, xml, (devices) => devices.macs.has(mac.toLowerCase()));
  }

  async attachDisk(id: string, disk: GuestDisk): Promise<void> {
    const args = { domain: reference(id), xml: renderXml(diskElement(disk)), flags: AffectFlag.live };
    await this.#callFor(id, libvirt.domainAttachDeviceFlags, args);
    await this.#disks.added(id, [disk]);
  }

  detachDisk(id: string, target: string): Promise<DetachResult> {
    // libvirt finds it by the target alone, and wants a source in the document.
    const disk = element(
      'disk',
      { type: 'file', device: 'disk' },
      element('source', { file: '/' }),
      element('target', { dev: target }),
    );
    return this.#detach(id, renderXml(disk), (devices) => devices.diskTargets.has(target));
  }

  listDisks(id: string): Promise<AttachedDisk[]> {
    return this.#disks.list(id);
  }

  resizeDisk(id: string, target: string, bytes: number): Promise<void> {
    return this.#disks.resize(id, target, bytes);
  }

  replaceDisk(id: string, disk: GuestDisk, how: ReplaceOptions): Promise<void> {
    return this.#disks.replace(id, disk, how);
  }

  migrationAddress(): string | undefined {
    return this.#migrations.address;
  }

  async migrateServer(id: string, options: MigrateOptions): Promise<void> {
    if ((await this.serverState(id)).state === 'suspended')
      throw new HypervisorError('wrong-state', 'the server is suspended', { serverId: id });
    await this.#migrations.migrate(id, options);
  }

  async defineSecret(secret: StorageSecret): Promise<void> {
    await defineSecret(await this.#client(), secret).catch((error: unknown) => {
      throw translateError(error);
    });
  }

  async removeSecret(secretId: string): Promise<void> {
    const client = await this.#client();
    try {
      await client.call(libvirt.secretUndefine, await client.call(libvirt.secretLookupByUuid, secretId));
    } catch (error) {
      if (!isLibvirtError(error, ErrorCode.noSecret)) throw translateError(error);
    }
  }

  async consoleEndpoints(id: string): Promise<ConsoleEndpoints> {
    const { vncSocketPath, serialSocketPath } = await this.#devices(id);
    return {
      ...(vncSocketPath !== undefined && { vncSocketPath }),
      ...(serialSocketPath !== undefined && { serialSocketPath }),
    };
  }

  async consoleLog(id: string): Promise<string | undefined> {
    return (await this.#devices(id)).consoleLogPath;
  }

  async diagnostics(id: string): Promise<Diagnostics> {
    const { cpuTotal, balloon, vcpu, interface: nic, block } = StatsFlag;
    const args = { domains: [reference(id)], stats: cpuTotal | balloon | vcpu | nic | block, flags: 0 };
    const [{ state }, stats] = await Promise.all([
      this.#activeState(id),
      this.#callFor(id, libvirt.connectGetAllDomainStats, args),
    ]);
    const [own] = stats;
    if (own === undefined)
      throw new HypervisorError('no-server', 'there is no such server', { serverId: id });
    return readDiagnostics(state, own.params);
  }

  onServerEvent(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#migrations.close();
    await this.#session.close();
  }

  #emit(event: ServerEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #client(serverId?: string): Promise<LibvirtClient> {
    try {
      return await this.#session.client();
    } catch (error) {
      throw translateError(error, serverId);
    }
  }

  #call<A, R>(procedure: Procedure<A, R>, args: A, options?: { readonly timeoutMs?: number }): Promise<R> {
    return this.#callFor(undefined, procedure, args, options);
  }

  readonly #ask: HostCall = async (procedure, args, options) => this.#call(procedure, args, options);

  async #callFor<A, R>(
    serverId: string | undefined,
    procedure: Procedure<A, R>,
    args: A,
    options?: { readonly timeoutMs?: number },
  ): Promise<R> {
    const client = await this.#client(serverId);
    try {
      return await client.call(procedure, args, options);
    } catch (error) {
      throw translateError(error, serverId);
    }
  }

  /** A libvirt of others is asked once how it is set up. */
  async #domainSurroundings(): Promise<DomainSurroundings> {
    const cloud = this.#sharedAs;
    if (cloud === undefined) return {};
    const ask = async (): Promise<DomainSurroundings> => ({
      cloud,
      securityModels: readSecurityModels(await this.#call(libvirt.connectGetCapabilities, undefined)),
    });
    this.#surroundings ??= ask();
    try {
      return await this.#surroundings;
    } catch (error) {
      this.#surroundings = undefined;
      throw error;
    }
  }

  async #listedIfOurs(domain: DomainRef): Promise<ListedServer | undefined> {
    const client = await this.#client();
    try {
      const [metadata, { state, reason }] = await Promise.all([
        client.call(libvirt.domainGetMetadataElement, { domain, uri: METADATA_URI }),
        client.call(libvirt.domainGetState, { domain, flags: 0 }),
      ]);
      if (this.#sharedAs !== undefined && cloudIn(metadata) !== this.#sharedAs) return undefined;
      return { id: domain.uuid, name: domain.name, ...serverStateOf(state, reason) };
    } catch (error) {
      // Not ours, or gone since the list was made.
      if (isLibvirtError(error, ErrorCode.noDomainMetadata, ErrorCode.noDomain)) return undefined;
      throw translateError(error);
    }
  }

  async #activeState(id: string): Promise<ServerState> {
    const client = await this.#client(id);
    try {
      const { state, reason } = await client.call(libvirt.domainGetState, {
        domain: reference(id),
        flags: 0,
      });
      return serverStateOf(state, reason);
    } catch (error) {
      if (isLibvirtError(error, ErrorCode.noDomain)) return { state: 'absent' };
      throw translateError(error, id);
    }
  }

  async #isTaken(client: LibvirtClient, name: string): Promise<boolean> {
    return client.call(libvirt.domainLookupByName, name).then(
      () => true,
      () => false,
    );
  }

  /** For operations that may be repeated: done already is done. */
  async #unlessAlready(id: string, wanted: ServerState['state'], act: () => Promise<void>): Promise<void> {
    const { state } = await this.serverState(id);
    if (state !== wanted) await act();
  }

  async #isAbsentBy(id: string, deadline: number): Promise<boolean> {
    for (;;) {
      const changed = this.#nextEventOf(id, Math.min(TICK_MS, deadline - performance.now()));
      if ((await this.#activeState(id)).state === 'absent') {
        changed.cancel();
        return true;
      }
      if (performance.now() >= deadline) {
        changed.cancel();
        return false;
      }
      await changed.promise;
    }
  }

  #nextEventOf(id: string, withinMs: number): { promise: Promise<void>; cancel(): void } {
    const { promise, resolve } = Promise.withResolvers<void>();
    const off = this.onServerEvent((event) => {
      if (event.kind === 'resync' || event.serverId === id) cancel();
    });
    const timer = setTimeout(() => cancel(), Math.max(0, withinMs));
    const cancel = (): void => {
      clearTimeout(timer);
      off();
      resolve();
    };
    return { promise, cancel };
  }

  async #devices(id: string): Promise<DomainDevices> {
    return readDomainDevices(
      await this.#callFor(id, libvirt.domainGetXmlDesc, { domain: reference(id), flags: 0 }),
    );
  }

  async #detach(id: string, xml: string, has: (devices: DomainDevices) => boolean): Promise<DetachResult> {
    if (!has(await this.#devices(id))) return 'removed';
    await this.#callFor(id, libvirt.domainDetachDeviceFlags, {
      domain: reference(id),
      xml,
      flags: AffectFlag.live,
    });
    return has(await this.#devices(id)) ? 'requested' : 'removed';
  }
}

/** libvirt finds domains by their UUID; the other fields may be empty. */
function reference(id: string): DomainRef {
  return { name: '', uuid: id, id: -1 };
}

function existsError(spec: GuestSpec, cause?: unknown): HypervisorError {
  return new HypervisorError('server-exists', `a server of this id or name exists: ${spec.name}`, {
    serverId: spec.id,
    ...(cause !== undefined && { cause }),
  });
}
