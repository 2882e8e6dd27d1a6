// A live migration between two models of hypervisors: how long it takes, whether it ends, who is told. Part of fake.ts.
import { setTimeout as delay } from 'node:timers/promises';
import { HypervisorError } from './errors.ts';
import type {
  GuestDisk,
  GuestInterface,
  GuestSpec,
  MigrateOptions,
  MigrationProgress,
  ServerState,
} from './port.ts';

export interface MigrationBehaviour {
  /** Milliseconds until the guest could switch over. Default 0. */
  readonly takesMs?: number;
  /** The guest changes its memory faster than it is sent: it goes on until the guest is paused. */
  readonly neverConverges?: boolean;
  /** It fails with this reason instead of switching over. */
  readonly fails?: string;
}

/** What it does to the two models. */
interface Ends {
  readonly behaviour: () => MigrationBehaviour;
  readonly isHere: () => boolean;
  readonly isThere: () => boolean;
  readonly switchOver: (state: ServerState) => void;
  /** The state it had when it began. */
  readonly giveUp: (state: ServerState) => void;
}

type Follower = Pick<MigrateOptions, 'signal' | 'onProgress'> & { readonly isReachable: () => boolean };

export interface ModelMigration {
  /** Waits for its end. Whoever follows may call it off; one that loses its connection knows nothing of the end. */
  follow(follower: Follower): Promise<void>;
}

interface MigratingGuest {
  readonly spec: GuestSpec;
  readonly state: ServerState;
}

const STEP_MS = 5;
const DISK_BYTES = 1_073_741_824;

/** Goes on by itself, as the real one does in its daemon, whoever follows. */
export function startMigration(guest: MigratingGuest, disks: number, ends: Ends): ModelMigration {
  const { id } = guest.spec;
  const before = guest.state;
  const startedAt = performance.now();
  const calledOff = new AbortController();
  const failed = (message: string): HypervisorError =>
    new HypervisorError('failed', message, { serverId: id });
  let ended = false;
  const run = async (): Promise<void> => {
    await undefined; // whoever starts it keeps it first
    try {
      while (!mayEnd()) {
        calledOff.signal.throwIfAborted();
        if (!ends.isHere()) throw new HypervisorError('no-server', 'the server ended', { serverId: id });
        if (!ends.isThere()) throw failed('the destination went away');
        await delay(STEP_MS);
      }
      const { fails } = ends.behaviour();
      if (fails !== undefined) throw failed(fails);
      ends.switchOver(before);
    } catch (error) {
      ends.giveUp(before);
      throw error;
    } finally {
      ended = true;
    }
  };
  const part = (): number => {
    const { takesMs = 0 } = ends.behaviour();
    return takesMs === 0 ? 1 : Math.min(1, (performance.now() - startedAt) / takesMs);
  };
  const mayEnd = (): boolean => {
    if (calledOff.signal.aborted || !ends.isHere() || !ends.isThere()) return false;
    const forced = before.state === 'running' && guest.state.state === 'paused';
    return forced || (part() === 1 && ends.behaviour().neverConverges !== true);
  };
  const end = run();
  end.catch(() => undefined); // nobody may be following
  return {
    follow: async ({ signal, onProgress, isReachable }) => {
      const callOff = (): void => calledOff.abort(signal.reason);
      signal.addEventListener('abort', callOff);
      try {
        if (signal.aborted) callOff();
        while (!ended) {
          if (!isReachable())
            throw new HypervisorError('unreachable', 'no answer from the hypervisor', { serverId: id });
          onProgress?.(progressOf(guest.spec.memoryMb, disks, part()));
          await delay(STEP_MS);
        }
        await end;
      } finally {
        signal.removeEventListener('abort', callOff);
      }
    },
  };
}

function progressOf(memoryMb: number, disks: number, part: number): MigrationProgress {
  const memoryTotal = memoryMb * 1_048_576;
  const diskTotal = disks * DISK_BYTES;
  const [memoryProcessed, diskProcessed] = [memoryTotal, diskTotal].map((total) => Math.floor(total * part));
  return {
    memoryTotal,
    memoryProcessed: memoryProcessed!, // of two
    memoryRemaining: memoryTotal - memoryProcessed!,
    diskTotal,
    diskProcessed: diskProcessed!,
    diskRemaining: diskTotal - diskProcessed!,
  };
}

interface ShapedGuest {
  readonly spec: GuestSpec;
  readonly disks: readonly GuestDisk[];
  readonly interfaces: readonly GuestInterface[];
}

/** What the hypervisor finds when it compares the two documents. @throws HypervisorError invalid-spec */
export function checkSame(here: ShapedGuest, there: ShapedGuest, copyDisks: readonly string[]): void {
  const shape = ({ spec, disks, interfaces }: ShapedGuest): string =>
    JSON.stringify([
      [spec.id, spec.name, spec.vcpus, spec.memoryMb, spec.machine],
      disks.map(({ target, device, bus }) => [target, device, bus]).toSorted(),
      interfaces.map(({ mac }) => mac.toLowerCase()).toSorted(),
    ]);
  const invalid = (message: string): HypervisorError =>
    new HypervisorError('invalid-spec', message, { serverId: here.spec.id });
  if (shape(here) !== shape(there)) throw invalid('the server has other devices here');
  const missing = copyDisks.find((target) => !here.disks.some((disk) => disk.target === target));
  if (missing !== undefined) throw invalid(`there is no disk ${missing}`);
}
