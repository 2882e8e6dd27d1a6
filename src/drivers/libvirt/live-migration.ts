// Moves servers between libvirts while they run. The source's libvirt does it, with the destination's (peer to peer), and
// goes on if we die; this file begins it or joins it, watches it, and tells what became of it. Part of real.ts.
import { hash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { LibvirtClient, type LibvirtAddress } from '#platform/libvirt/client.ts';
import type { DomainRef, TypedParams } from '#platform/libvirt/codec.ts';
import { JobOperation, MigrateFlag, XmlFlag } from '#platform/libvirt/constants.ts';
import { ErrorCode, isLibvirtError, type LibvirtError } from '#platform/libvirt/errors.ts';
import type { Procedure } from '#platform/libvirt/procedure.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import type { MigrateArguments } from '#platform/libvirt/procedures.ts';
import { destinationXml } from './destination-xml.ts';
import { serverStateOf, translateError } from './domain-reading.ts';
import { HypervisorError } from './errors.ts';
import { LiveDisks } from './live-disks.ts';
import type { MigrateOptions, MigrationProgress, ServerState } from './port.ts';

type Call = <A, R>(serverId: string, procedure: Procedure<A, R>, args: A) => Promise<R>;

export interface MigrationParts {
  readonly address: LibvirtAddress;
  readonly call: Call;
  readonly reference: (id: string) => DomainRef;
  /** Other hosts' libvirts may connect to this one. */
  readonly isReached: boolean;
  /** What a migration takes at most, MiB/s; absent: all there is. */
  readonly bandwidthMb?: number | undefined;
}

/** How often progress is told, and a migration that another call began is looked at. */
const LOOK_MS = 500;
/** libvirt refuses to abort what it is only preparing, so it is asked again. */
const ABORT_AGAIN_MS = 50;
/** Whoever asked for it has a deadline of its own, and aborts. (Timers end at 24 days.) */
const NO_LIMIT_MS = 7 * 86_400_000;
/** When the source is done, the destination lets the CPUs run at once, or gives up. */
const ARRIVAL_MS = 60_000;
const ARRIVAL_LOOK_MS = 50;

export class LiveMigrations {
  readonly #parts: MigrationParts;
  readonly #clients = new Set<LibvirtClient>();

  constructor(parts: MigrationParts) {
    this.#parts = parts;
  }

  /** The socket, for others of this machine. There is none for other machines. */
  get address(): string | undefined {
    const { address, isReached } = this.#parts;
    if (!isReached || !('path' in address)) return undefined;
    return `qemu+unix:///system?socket=${encodeURIComponent(address.path)}`;
  }

  /** Stops waiting for those under way, which go on: their callers are told `unreachable`. */
  async close(): Promise<void> {
    await Promise.all([...this.#clients].map(async (client) => client.close()));
  }

  async migrate(id: string, options: MigrateOptions): Promise<void> {
    const sockets = socketsFor(id, options);
    try {
      if (await this.#isHere(id)) {
        if (await this.#look(id, options)) await this.#join(id, options);
        else await this.#perform(id, options, sockets);
      }
      await this.#arrive(id, options);
      await forget(sockets);
    } catch (error) {
      // While it may still be under way, it may not have opened them yet.
      if (!isUnknown(error)) await forget(sockets);
      throw error;
    }
  }

  /** Returns when the server is gone here. */
  async #perform(id: string, options: MigrateOptions, sockets: Sockets): Promise<void> {
    options.signal.throwIfAborted();
    const args = await this.#arguments(id, options, sockets);
    // A connection of its own: the call takes as long as the migration, and would be one of the few that may be under way.
    await using client = await connect(id, this.#parts.address);
    this.#clients.add(client);
    const over = new AbortController();
    const watching = this.#watch(id, options, over.signal);
    try {
      await client.call(libvirt.domainMigratePerform3Params, args, { timeoutMs: NO_LIMIT_MS });
    } catch (error) {
      if (!isLibvirtError(error)) throw translateError(error, id);
      await this.#afterRefusal(id, options, error);
    } finally {
      this.#clients.delete(client);
      over.abort();
      await watching;
    }
  }

  /** What it says may be wrong: the server went before the last word of it did. */
  async #afterRefusal(id: string, options: MigrateOptions, error: LibvirtError): Promise<void> {
    if (!(await this.#isHere(id))) return;
    // Another call began one between our look and our word.
    if (isLibvirtError(error, ErrorCode.operationInvalid) && (await this.#look(id, options)))
      return this.#join(id, options);
    options.signal.throwIfAborted();
    const { code } = error;
    const own = code === ErrorCode.xmlError || code === ErrorCode.configUnsupported;
    throw new HypervisorError(own ? 'invalid-spec' : 'failed', 'the hypervisor did not migrate the server', {
      serverId: id,
      cause: error,
    });
  }

  async #arguments(
    id: string,
    { to, spec, copyDisks }: MigrateOptions,
    sockets: Sockets,
  ): Promise<MigrateArguments> {
    const { call, reference, bandwidthMb } = this.#parts;
    const domain = reference(id);
    const live = await call(id, libvirt.domainGetXmlDesc, {
      domain,
      flags: XmlFlag.migratable | XmlFlag.secure,
    });
    const missing = copyDisks.find((target) => !spec.disks.some((disk) => disk.target === target));
    if (missing !== undefined)
      throw new HypervisorError('invalid-spec', `there is no disk ${missing}`, { serverId: id });
    const { live: whileItRuns, peerToPeer, nonSharedDisk, synchronousWrites, autoConverge } = MigrateFlag;
    return {
      domain,
      uri: to,
      params: [
        ['destination_xml', destinationXml(live, spec)],
        ['migrate_uri', unixUri(sockets.memory)],
        ['disks_uri', unixUri(sockets.disks)],
        ...copyDisks.map((target) => ['migrate_disks', target] as const),
        ...(bandwidthMb === undefined ? [] : [['bandwidth', BigInt(bandwidthMb)] as const]),
      ],
      // A guest that writes faster than is copied is slowed down: its CPUs, and its requests to disks that go along.
      flags:
        (whileItRuns | peerToPeer | autoConverge) +
        (copyDisks.length > 0 ? nonSharedDisk | synchronousWrites : 0),
    };
  }

  /** Tells progress and passes on the abort, until it is `over`. */
  async #watch(id: string, options: MigrateOptions, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      // The call itself finds out what keeps this one from being answered.
      await this.#look(id, options).catch(() => undefined);
      await pause(options.signal, over);
    }
  }

  /** Returns when the server is gone here. */
  async #join(id: string, options: MigrateOptions): Promise<void> {
    while (await this.#look(id, options)) await pause(options.signal);
    if (!(await this.#isHere(id))) return;
    options.signal.throwIfAborted();
    throw new HypervisorError('failed', 'the migration that was under way failed', { serverId: id });
  }

  /** Whether a migration from here is under way; tells its progress, and aborts it when that was asked for. */
  async #look(id: string, { onProgress, signal }: MigrateOptions): Promise<boolean> {
    const { call, reference } = this.#parts;
    const domain = reference(id);
    const job = await call(id, libvirt.domainGetJobStats, { domain, flags: 0 }).catch(unlessGone);
    if (job?.params.get('operation') !== JobOperation.migrationOut) return false;
    onProgress?.(progressIn(job.params));
    if (signal.aborted) await call(id, libvirt.domainAbortJob, { domain }).catch(() => undefined);
    return true;
  }

  async #isHere(id: string): Promise<boolean> {
    const { call, reference } = this.#parts;
    const args = { domain: reference(id), flags: 0 };
    const found = await call(id, libvirt.domainGetState, args).catch(unlessGone);
    return found !== undefined && serverStateOf(found.state, found.reason).state !== 'absent';
  }

  /** Makes sure that the server, which is not here, is there and has all it needs. */
  async #arrive(id: string, { to, spec }: MigrateOptions): Promise<void> {
    const { reference } = this.#parts;
    const deadline = performance.now() + ARRIVAL_MS;
    await using client = await connect(id, { path: socketOf(to) });
    const call: Call = async (serverId, procedure, args) =>
      client.call(procedure, args).catch((error: unknown) => {
        throw translateError(error, serverId);
      });
    for (;;) {
      const found = await call(id, libvirt.domainGetState, { domain: reference(id), flags: 0 });
      if (!ARRIVING.has(serverStateOf(found.state, found.reason).reason)) break;
      if (performance.now() > deadline)
        throw new HypervisorError('timeout', 'the server does not arrive', { serverId: id });
      await delay(ARRIVAL_LOOK_MS);
    }
    // It runs there whatever QEMU says to this: an error that is taken for "it is here as it was" would end it.
    await new LiveDisks(call, reference).added(id, spec.disks).catch((error: unknown) => {
      if (isUnknown(error)) throw error;
    });
  }
}

const ARRIVING: ReadonlySet<ServerState['reason']> = new Set(['migrating', 'starting-up']);

/** What became of it is. */
function isUnknown(error: unknown): boolean {
  return error instanceof HypervisorError && (error.code === 'unreachable' || error.code === 'timeout');
}

async function connect(serverId: string, address: LibvirtAddress): Promise<LibvirtClient> {
  try {
    return await LibvirtClient.connect({ address });
  } catch (error) {
    throw translateError(error, serverId);
  }
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof HypervisorError && error.code === 'no-server')) throw error;
}

/** Ends early, without an error, when it is over, and once when it is called off. */
async function pause(signal: AbortSignal, over?: AbortSignal): Promise<void> {
  const early = [...(over ? [over] : []), ...(signal.aborted ? [] : [signal])];
  await delay(signal.aborted ? ABORT_AGAIN_MS : LOOK_MS, undefined, { signal: AbortSignal.any(early) }).catch(
    () => undefined,
  );
}

interface Sockets {
  readonly memory: string;
  readonly disks: string;
}

/** Beside the destination's own socket, in a directory that only root enters, with names that are not longer. */
function socketsFor(id: string, { to }: MigrateOptions): Sockets {
  const name = hash('sha256', id).slice(0, 11);
  const dir = path.dirname(socketOf(to));
  return { memory: path.join(dir, `m${name}`), disks: path.join(dir, `d${name}`) };
}

async function forget(sockets: Sockets): Promise<void> {
  for (const socket of [sockets.memory, sockets.disks]) await rm(socket, { force: true });
}

function socketOf(to: string): string {
  const socket = URL.canParse(to) ? new URL(to).searchParams.get('socket') : null;
  if (socket === null) throw new HypervisorError('failed', `not the address of a hypervisor: ${to}`);
  return socket;
}

const unixUri = (socket: string): string => `unix://${socket.split('/').map(encodeURIComponent).join('/')}`;

function progressIn(params: TypedParams): MigrationProgress {
  const bytes = (name: string): number => Number(params.get(name) ?? 0);
  return {
    memoryTotal: bytes('memory_total'),
    memoryProcessed: bytes('memory_processed'),
    memoryRemaining: bytes('memory_remaining'),
    diskTotal: bytes('disk_total'),
    diskProcessed: bytes('disk_processed'),
    diskRemaining: bytes('disk_remaining'),
  };
}
