// A working model of a host's hypervisor, in memory: same states, transitions, errors and events as the real one
// (contract.test.ts holds both to it). What a guest or a fault does is passed in.
import { diskElement, domainXml } from './domain-xml.ts';
import { HypervisorError } from './errors.ts';
import type { HypervisorErrorCode } from './errors.ts';
import { CAPABILITIES, NO_REQUESTS, NO_TRAFFIC } from './fake-readings.ts';
import { checkSame, startMigration, type MigrationBehaviour, type ModelMigration } from './fake-migration.ts';
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

export type Operation = Exclude<
  keyof Hypervisor,
  'migrationAddress' | 'onServerEvent' | typeof Symbol.asyncDispose
>;

export interface GuestBehaviour {
  /** What pressing the power button does, and after how long; undefined: nothing. */
  readonly powersOffAfterMs?: number;
  /** Whether it lets go of devices that are to be detached. */
  readonly releasesDevices: boolean;
}

export interface FakeHypervisorOptions {
  readonly capabilities?: Partial<HypervisorCapabilities>;
  /** Runs before an operation has any effect: wait to model latency, throw to model a failure. */
  readonly before?: (operation: Operation, serverId: string | undefined) => Promise<void> | void;
  /** Runs when the effect is there and the answer is not: throw to model a lost answer. */
  readonly after?: (operation: Operation, serverId: string | undefined) => Promise<void> | void;
  readonly guest?: (spec: GuestSpec) => GuestBehaviour;
  /** Runs when a guest's CPUs first run, and after each reset: write its console log, take its DHCP lease. */
  readonly boots?: (spec: GuestSpec) => void;
  /** Devices that exist on the host; every name does unless told. */
  readonly tapExists?: (name: string) => boolean;
  /** Drops an event if it returns false. */
  readonly delivers?: (event: ServerEvent) => boolean;
  /** Models that servers can move between, by address: each enters itself. Absent: it has no address, and reaches no other. */
  readonly neighbours?: Map<string, FakeHypervisor>;
  /** How the migration of a server away from here goes; at once unless told. Asked all along. */
  readonly migrates?: (spec: GuestSpec) => MigrationBehaviour;
}

interface Guest {
  readonly spec: GuestSpec;
  state: ServerState;
  booted: boolean;
  disks: GuestDisk[];
  /** Sizes that the guest was told, by target. */
  readonly sizes: Map<string, number>;
  interfaces: GuestInterface[];
  migration?: ModelMigration;
}

export class FakeHypervisor implements Hypervisor {
  readonly #options: FakeHypervisorOptions;
  readonly #guests = new Map<string, Guest>();
  readonly #saved = new Map<string, Guest>();
  readonly #secrets = new Set<string>();
  readonly #listeners = new Set<(event: ServerEvent) => void>();
  readonly #address: string | undefined;
  #reachable = true;

  constructor(options: FakeHypervisorOptions = {}) {
    this.#options = options;
    const { neighbours } = options;
    this.#address = neighbours && `model:${neighbours.size + 1}`;
    if (this.#address !== undefined) neighbours?.set(this.#address, this);
  }

  // What tests and simulations do to it

  /** Until `reconnect`, every operation fails as unreachable and events are lost. Servers go on. */
  disconnect(): void {
    this.#reachable = false;
  }

  reconnect(): void {
    this.#reachable = true;
    this.#emit({ kind: 'resync' });
  }

  /** The guest powers itself off, or its process dies. */
  endGuest(id: string, kind: 'stopped' | 'crashed' = 'stopped'): void {
    this.#remove(this.#guestOf(id), kind);
  }

  /** A disk fails under the guest: its CPUs stop. */
  failDisk(id: string): void {
    this.#guestOf(id).state = { state: 'paused', reason: 'io-error' };
    this.#emit({ kind: 'paused', serverId: id });
  }

  // The port

  capabilities(): Promise<HypervisorCapabilities> {
    return this.#operate('capabilities', undefined, () => ({
      ...CAPABILITIES,
      ...this.#options.capabilities,
    }));
  }

  hostUsage(): Promise<HostUsage> {
    return this.#operate('hostUsage', undefined, () => {
      const { memoryMb } = { ...CAPABILITIES, ...this.#options.capabilities };
      const used = [...this.#guests.values()].reduce((sum, guest) => sum + guest.spec.memoryMb, 0);
      const cpu = { user: 0n, kernel: 0n, idle: 0n, iowait: 0n };
      return { memoryTotalMb: memoryMb, memoryFreeMb: Math.max(0, memoryMb - used), cpu };
    });
  }

  listServers(): Promise<ListedServer[]> {
    return this.#operate('listServers', undefined, () =>
      [...this.#guests.values()].map(({ spec, state }) => ({ id: spec.id, name: spec.name, ...state })),
    );
  }

  serverState(id: string): Promise<ServerState> {
    return this.#operate('serverState', id, () => this.#stateOf(id));
  }

  createServer(spec: GuestSpec, options: { readonly paused?: boolean } = {}): Promise<void> {
    return this.#operate('createServer', spec.id, () => {
      domainXml(spec);
      const nameTaken = [...this.#guests.values()].some((guest) => guest.spec.name === spec.name);
      if (nameTaken || this.#stateOf(spec.id).state !== 'absent') {
        throw fault('server-exists', spec.id, 'a server of this id or name exists');
      }
      for (const nic of spec.interfaces) this.#checkTap(spec.id, nic);
      for (const disk of spec.disks) this.#checkSecret(spec.id, disk);
      const guest: Guest = {
        spec,
        state: { state: 'paused', reason: 'user' },
        booted: false,
        disks: [...spec.disks],
        sizes: new Map(),
        interfaces: [...spec.interfaces],
      };
      this.#guests.set(spec.id, guest);
      this.#emit({ kind: 'started', serverId: spec.id });
      if (options.paused === true) this.#emit({ kind: 'paused', serverId: spec.id });
      else this.#run(guest);
    });
  }

  destroyServer(id: string): Promise<void> {
    return this.#operate('destroyServer', id, () => this.#destroy(id));
  }

  stopServer(id: string, { graceMs }: { readonly graceMs: number }): Promise<'guest' | 'forced'> {
    return this.#operate('stopServer', id, async () => {
      const guest = this.#guestOf(id);
      const delayMs = this.#behaviour(guest).powersOffAfterMs;
      const obeys = guest.state.state === 'running' && delayMs !== undefined && delayMs <= graceMs;
      await new Promise<void>((resolve) => {
        setTimeout(resolve, obeys ? delayMs : guest.state.state === 'running' ? graceMs : 0);
      });
      if (obeys) this.#remove(guest, 'stopped');
      else this.#destroy(id);
      return obeys ? 'guest' : 'forced';
    });
  }

  rebootServer(id: string, how: 'soft' | 'hard'): Promise<void> {
    return this.#operate('rebootServer', id, () => {
      const guest = this.#guestOf(id);
      const obeys = how === 'hard' || this.#behaviour(guest).powersOffAfterMs !== undefined;
      if (!obeys || guest.state.state !== 'running') return;
      this.#emit({ kind: 'rebooted', serverId: id });
      this.#options.boots?.(guest.spec);
    });
  }

  interruptServer(id: string): Promise<void> {
    return this.#operate('interruptServer', id, () => void this.#guestOf(id));
  }

  pauseServer(id: string): Promise<void> {
    return this.#operate('pauseServer', id, () => {
      const guest = this.#guestOf(id);
      if (guest.state.state === 'paused') return;
      guest.state = { state: 'paused', reason: 'user' };
      this.#emit({ kind: 'paused', serverId: id });
    });
  }

  resumeServer(id: string): Promise<void> {
    return this.#operate('resumeServer', id, () => {
      const guest = this.#guestOf(id);
      if (guest.state.state !== 'running') this.#run(guest);
    });
  }

  suspendServer(id: string): Promise<void> {
    return this.#operate('suspendServer', id, () => {
      if (this.#stateOf(id).state === 'suspended') return;
      const guest = this.#guestOf(id);
      this.#saved.set(id, guest);
      this.#remove(guest, 'suspended');
    });
  }

  resumeSuspendedServer(id: string): Promise<void> {
    return this.#operate('resumeSuspendedServer', id, () => {
      if (this.#guests.has(id)) return;
      const guest = this.#saved.get(id);
      if (guest === undefined) throw fault('no-server', id, 'there is no saved memory');
      this.#saved.delete(id);
      this.#guests.set(id, guest);
      this.#emit({ kind: 'started', serverId: id });
      if (guest.state.state === 'running') this.#emit({ kind: 'resumed', serverId: id });
    });
  }

  attachInterface(id: string, nic: GuestInterface): Promise<void> {
    return this.#operate('attachInterface', id, () => {
      const guest = this.#guestOf(id);
      this.#checkTap(id, nic);
      guest.interfaces.push(nic);
      this.#emit({ kind: 'devices', serverId: id });
    });
  }

  detachInterface(id: string, mac: string): Promise<DetachResult> {
    return this.#operate('detachInterface', id, () => {
      const guest = this.#guestOf(id);
      const rest = guest.interfaces.filter((nic) => nic.mac.toLowerCase() !== mac.toLowerCase());
      if (rest.length < guest.interfaces.length && !this.#behaviour(guest).releasesDevices)
        return 'requested';
      guest.interfaces = rest;
      this.#emit({ kind: 'devices', serverId: id });
      return 'removed';
    });
  }

  attachDisk(id: string, disk: GuestDisk): Promise<void> {
    return this.#operate('attachDisk', id, () => {
      const guest = this.#guestOf(id);
      if (guest.disks.some(({ target }) => target === disk.target)) {
        throw fault('wrong-state', id, `there is a disk ${disk.target}`);
      }
      diskElement(disk);
      this.#checkSecret(id, disk);
      guest.disks.push(disk);
      this.#emit({ kind: 'devices', serverId: id });
    });
  }

  detachDisk(id: string, target: string): Promise<DetachResult> {
    return this.#operate('detachDisk', id, () => {
      const guest = this.#guestOf(id);
      const rest = guest.disks.filter((disk) => disk.target !== target);
      if (rest.length < guest.disks.length && !this.#behaviour(guest).releasesDevices) return 'requested';
      guest.disks = rest;
      guest.sizes.delete(target);
      this.#emit({ kind: 'devices', serverId: id });
      return 'removed';
    });
  }

  listDisks(id: string): Promise<AttachedDisk[]> {
    return this.#operate('listDisks', id, () => {
      const { disks, sizes } = this.#guestOf(id);
      return disks.map(({ target, device, serial }) => {
        const bytes = sizes.get(target);
        return {
          target,
          device,
          ...(serial !== undefined && { serial }),
          ...(bytes !== undefined && { bytes }),
        };
      });
    });
  }

  resizeDisk(id: string, target: string, bytes: number): Promise<void> {
    return this.#operate('resizeDisk', id, () => {
      const { disks, sizes } = this.#guestOf(id);
      if (!disks.some((disk) => disk.target === target))
        throw fault('no-device', id, `there is no disk ${target}`);
      sizes.set(target, bytes);
    });
  }

  replaceDisk(id: string, disk: GuestDisk, { signal }: ReplaceOptions): Promise<void> {
    return this.#operate('replaceDisk', id, () => {
      const guest = this.#guestOf(id);
      const old = guest.disks.find(({ target }) => target === disk.target);
      if (!old) throw fault('no-device', id, `there is no disk ${disk.target}`);
      signal.throwIfAborted();
      diskElement(disk);
      this.#checkSecret(id, disk);
      guest.disks = guest.disks.map((each) => (each === old ? { ...old, source: disk.source } : each));
    });
  }

  migrationAddress(): string | undefined {
    return this.#address;
  }

  migrateServer(id: string, options: MigrateOptions): Promise<void> {
    return this.#operate('migrateServer', id, async () => {
      const there = this.#options.neighbours?.get(options.to);
      if (this.#stateOf(id).state === 'absent' && there?.has(id) === true) return;
      if (this.#saved.has(id)) throw fault('wrong-state', id, 'the server is suspended');
      const guest = this.#guestOf(id);
      if (guest.migration === undefined) {
        options.signal.throwIfAborted();
        if (there === undefined) throw fault('failed', id, `nothing is at ${options.to}`);
        guest.migration = this.#migrateTo(there, guest, options);
      }
      await guest.migration.follow({ ...options, isReachable: () => this.#reachable });
    });
  }

  /** Whether it has the server, in whatever state. */
  has(id: string): boolean {
    return this.#stateOf(id).state !== 'absent';
  }

  defineSecret(secret: StorageSecret): Promise<void> {
    return this.#operate('defineSecret', undefined, () => void this.#secrets.add(secret.id));
  }

  /** Ids of what is defined now. */
  get secretIds(): readonly string[] {
    return [...this.#secrets];
  }

  removeSecret(secretId: string): Promise<void> {
    return this.#operate('removeSecret', undefined, () => void this.#secrets.delete(secretId));
  }

  consoleEndpoints(id: string): Promise<ConsoleEndpoints> {
    return this.#operate('consoleEndpoints', id, () => {
      const { vncSocketPath, serialSocketPath } = this.#guestOf(id).spec;
      return { vncSocketPath, serialSocketPath };
    });
  }

  consoleLog(id: string): Promise<string | undefined> {
    return this.#operate('consoleLog', id, () => this.#guestOf(id).spec.consoleLogPath);
  }

  diagnostics(id: string): Promise<Diagnostics> {
    return this.#operate('diagnostics', id, () => {
      const { spec, state, disks, interfaces } = this.#guestOf(id);
      return {
        state: state.state,
        cpuTimeNs: 0n,
        vcpus: Array.from({ length: spec.vcpus }, () => ({ timeNs: 0n })),
        memory: { maximumMb: spec.memoryMb, residentMb: spec.memoryMb },
        interfaces: interfaces.map(({ tapName }) => ({ tapName, ...NO_TRAFFIC })),
        disks: disks.map(({ target }) => ({ target, ...NO_REQUESTS })),
      };
    });
  }

  onServerEvent(listener: (event: ServerEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#listeners.clear();
  }

  // Inside

  async #operate<T>(
    operation: Operation,
    serverId: string | undefined,
    act: () => T | Promise<T>,
  ): Promise<T> {
    await this.#options.before?.(operation, serverId);
    if (!this.#reachable) throw fault('unreachable', serverId, 'no answer from the hypervisor');
    const result = await act();
    await this.#options.after?.(operation, serverId);
    return result;
  }

  #migrateTo(there: FakeHypervisor, guest: Guest, { spec, copyDisks }: MigrateOptions): ModelMigration {
    const { id } = guest.spec;
    const arrived: Guest = {
      spec,
      state: { state: 'paused', reason: 'migrating' },
      booted: true,
      disks: [...spec.disks],
      sizes: new Map(guest.sizes),
      interfaces: [...spec.interfaces],
    };
    checkSame(guest, arrived, copyDisks);
    there.#expect(arrived);
    return startMigration(guest, copyDisks.length, {
      behaviour: () => this.#options.migrates?.(guest.spec) ?? {},
      isHere: () => this.#guests.get(id) === guest,
      isThere: () => there.#reachable && there.#guests.get(id) === arrived,
      switchOver: (state) => {
        arrived.state = state;
        this.#remove(guest, 'migrated');
        if (state.state === 'running') there.#emit({ kind: 'resumed', serverId: id });
      },
      giveUp: (state) => {
        delete guest.migration;
        if (there.#guests.get(id) === arrived) there.#remove(arrived, 'stopped');
        if (guest.state.state === state.state || this.#guests.get(id) !== guest) return;
        guest.state = state;
        this.#emit({ kind: state.state === 'running' ? 'resumed' : 'paused', serverId: id });
      },
    });
  }

  /** Makes what is needed of a server that arrives. */
  #expect(guest: Guest): void {
    const { id, name } = guest.spec;
    if (!this.#reachable) throw fault('failed', id, 'the destination does not answer');
    domainXml(guest.spec);
    if (this.has(id) || [...this.#guests.values()].some(({ spec }) => spec.name === name))
      throw fault('failed', id, 'a server of this id or name exists at the destination');
    for (const nic of guest.interfaces) this.#checkTap(id, nic);
    for (const disk of guest.disks) this.#checkSecret(id, disk);
    this.#guests.set(id, guest);
    this.#emit({ kind: 'started', serverId: id });
  }

  #emit(event: ServerEvent): void {
    if (!this.#reachable || this.#options.delivers?.(event) === false) return;
    // As from a socket: never within the operation that caused it.
    setImmediate(() => {
      for (const listener of this.#listeners) listener(event);
    });
  }

  #stateOf(id: string): ServerState {
    return this.#guests.get(id)?.state ?? { state: this.#saved.has(id) ? 'suspended' : 'absent' };
  }

  #guestOf(id: string): Guest {
    const guest = this.#guests.get(id);
    if (guest === undefined) throw fault('no-server', id, 'there is no such server');
    return guest;
  }

  #behaviour(guest: Guest): GuestBehaviour {
    return this.#options.guest?.(guest.spec) ?? { powersOffAfterMs: 0, releasesDevices: true };
  }

  #run(guest: Guest): void {
    guest.state = { state: 'running' };
    this.#emit({ kind: 'resumed', serverId: guest.spec.id });
    if (!guest.booted) this.#options.boots?.(guest.spec);
    guest.booted = true;
  }

  #remove(guest: Guest, kind: 'stopped' | 'crashed' | 'suspended' | 'migrated'): void {
    this.#guests.delete(guest.spec.id);
    this.#emit({ kind, serverId: guest.spec.id });
  }

  #destroy(id: string): void {
    const guest = this.#guests.get(id);
    if (guest !== undefined) this.#remove(guest, 'stopped');
    this.#saved.delete(id);
  }

  #checkSecret(id: string, { source, encryption }: GuestDisk): void {
    const needed = [source.kind === 'rbd' ? source.secretId : undefined, encryption?.secretId];
    const missing = needed.find((each) => each !== undefined && !this.#secrets.has(each));
    if (missing !== undefined) throw fault('failed', id, `there is no secret ${missing}`);
  }

  #checkTap(id: string, { tapName }: GuestInterface): void {
    if (this.#options.tapExists?.(tapName) === false) throw fault('failed', id, `no device ${tapName}`);
    const inUse = [...this.#guests.values()].some((guest) =>
      guest.interfaces.some((nic) => nic.tapName === tapName),
    );
    if (inUse) throw fault('failed', id, `device ${tapName} is in use`);
  }
}

function fault(code: HypervisorErrorCode, serverId: string | undefined, message: string): HypervisorError {
  return new HypervisorError(code, message, serverId === undefined ? {} : { serverId });
}
