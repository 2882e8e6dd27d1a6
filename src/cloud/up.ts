/**
 * Brings a whole cloud up: opens the data directory, starts the ground and what is assembled on it, and ends both in
 * order. Called by `pileus up` and by tests.
 */
import { findDataDirectory, openDataDirectory } from './data-directory.ts';
import type { OpenDataDirectory } from './data-directory.ts';
import { DataDirectoryInUse } from './errors.ts';
import { startGround } from './ground.ts';
import type { Ground, GroundOptions } from './ground.ts';
import { settlePort } from './listen-address.ts';
import { settleStorage, type Storage, type StorageChoice } from './storage.ts';
import { silentProgress } from './progress.ts';
import type { Progress } from './progress.ts';
import { startTracing } from '#platform/trace/trace.ts';
import { mergeTuning, readConfigFile } from './config-file.ts';
import type { CloudTuning } from './tuning.ts';

export type UpOptions = Omit<GroundOptions, 'data' | 'progress' | 'signal'> & {
  /** Path of the data directory; made where it is absent. */
  dataPath: string;
  /** `address:port` of the one listener; port 0 for one that is free. */
  listen: string;
  /** The whole cloud on working models: no root, no daemons. */
  simulated?: boolean | undefined;
  /** A YAML or JSON file of behaviours of the simulated world. */
  behavioursFile?: string | undefined;
  /** Where spans are sent, by OTLP over HTTP: `http://127.0.0.1:4318`. Absent: nowhere. */
  traceEndpoint?: string | undefined;
  tuning?: CloudTuning | undefined;
  progress?: Progress | undefined;
  signal?: AbortSignal | undefined;
};

/** What the services are built on. */
export type Foundation = {
  data: OpenDataDirectory;
  listen: string;
  /** Still being built, so that services that don't need it can start beside it. Undefined when simulated. */
  ground: Promise<Ground> | undefined;
  /** Whose Open vSwitch and OVN the ground uses. */
  network: GroundOptions['network'];
  /** Where volumes, images and root disks are. */
  storage: Storage;
  /** How many hosts a simulated world has. */
  hosts: number | undefined;
  /** What a simulated world does wrong from its start. */
  behavioursFile: string | undefined;
  tuning: CloudTuning;
  progress: Progress;
  signal: AbortSignal | undefined;
};

export type Assembly = {
  /** Lines for the person who started the cloud: address, credentials, what to try. */
  greeting: string[];
  /** Ends the services; the ground still stands while it runs. */
  close(): Promise<void>;
};

/** Builds the services on the foundation. Resolves when they serve; cleans up after itself when it throws. */
export type Assemble = (foundation: Foundation) => Promise<Assembly>;

export type RunningCloud = AsyncDisposable & {
  data: OpenDataDirectory;
  /** Undefined when simulated. */
  ground: Ground | undefined;
  greeting: string[];
  close(): Promise<void>;
};

/** Throws what keeps it from coming up, after everything begun has been ended. */
export async function up(options: UpOptions, assemble: Assemble): Promise<RunningCloud> {
  const { dataPath, simulated, progress = silentProgress, signal } = options;
  // Asked first: a cloud that runs on the directory is also what has the port, and the better thing to name.
  const owner = findDataDirectory(dataPath)?.findOwner();
  if (owner) throw new DataDirectoryInUse(dataPath, owner.pid);
  const listen = await settlePort(options.listen);
  const data = openDataDirectory(dataPath, { listen, simulated });
  let choice: StorageChoice;
  let tuning: CloudTuning;
  try {
    choice = settleStorage(data, options);
    tuning = mergeTuning(readConfigFile(data.path), options.tuning ?? {});
  } catch (error) {
    data.close();
    throw error;
  }
  const tracing = options.traceEndpoint ? await startTracing(options.traceEndpoint) : undefined;
  const failure = new AbortController();
  const anySignal = signal ? AbortSignal.any([signal, failure.signal]) : failure.signal;
  const ground = simulated
    ? undefined
    : startGround({ ...options, ...choice, data, progress, signal: anySignal });
  ground?.catch(() => undefined);
  try {
    const assembling = assemble({
      data,
      listen,
      ground,
      network: options.network,
      storage: choice.storage,
      hosts: options.hosts,
      behavioursFile: options.behavioursFile,
      tuning,
      progress,
      signal: anySignal,
    });
    assembling.catch((error: unknown) => failure.abort(error));
    const [standing, assembly] = await both(ground, assembling);
    return running(data, standing, assembly, tracing);
  } catch (error) {
    await ground?.then((one) => one.close()).catch(() => undefined);
    data.close();
    await tracing?.[Symbol.asyncDispose]();
    throw error;
  }
}

/** When the ground fails, what was assembled is ended; the ground's failure is the one to tell. */
async function both(
  ground: Promise<Ground> | undefined,
  assembling: Promise<Assembly>,
): Promise<[Ground | undefined, Assembly]> {
  const [standing, assembly] = await Promise.allSettled([ground, assembling]);
  if (standing.status === 'fulfilled' && assembly.status === 'fulfilled')
    return [standing.value, assembly.value];
  if (assembly.status === 'fulfilled') await assembly.value.close();
  // A failed assembly aborts the ground with its own error, so that both reasons are then the same.
  throw standing.status === 'rejected' ? standing.reason : (assembly as PromiseRejectedResult).reason;
}

function running(
  data: OpenDataDirectory,
  ground: Ground | undefined,
  assembly: Assembly,
  tracing: AsyncDisposable | undefined,
): RunningCloud {
  let closing: Promise<void> | undefined;
  const close = (): Promise<void> =>
    (closing ??= (async () => {
      try {
        await assembly.close();
      } finally {
        await ground?.close().finally(() => data.close());
        if (!ground) data.close();
        await tracing?.[Symbol.asyncDispose]();
      }
    })());
  return { data, ground, greeting: assembly.greeting, close, [Symbol.asyncDispose]: close };
}
