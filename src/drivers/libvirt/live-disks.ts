// The disks of servers that run: which there are, how large, growing them, and what QEMU must be told of those from NBD
// servers. Part of real.ts.
import { BlockResizeFlag, MonitorFlag, StatsFlag } from '#platform/libvirt/constants.ts';
import type { DomainRef } from '#platform/libvirt/codec.ts';
import type { Procedure } from '#platform/libvirt/procedure.ts';
import * as libvirt from '#platform/libvirt/procedures.ts';
import { readDiskSizes, readDomainDisks, type DomainDisk } from './domain-reading.ts';
import { HypervisorError } from './errors.ts';
import { headerBytes, reconnectDisk, showWhole, waitForServer, type Monitor } from './nbd-disks.ts';
import type { AttachedDisk, GuestDisk, ReplaceOptions } from './port.ts';
import { replaceDisk } from './replace-disk.ts';

type Call = <A, R>(serverId: string, procedure: Procedure<A, R>, args: A) => Promise<R>;

/** How long requests of a server that was suspended wait for its NBD servers: what it was told before is not kept. */
const RESTORED_WAIT_MS = 300_000;

export class LiveDisks {
  readonly #call: Call;
  readonly #reference: (id: string) => DomainRef;

  constructor(call: Call, reference: (id: string) => DomainRef) {
    this.#call = call;
    this.#reference = reference;
  }

  async list(id: string): Promise<AttachedDisk[]> {
    const args = { domains: [this.#reference(id)], stats: StatsFlag.block, flags: 0 };
    const [disks, stats] = await Promise.all([
      this.#of(id),
      this.#call(id, libvirt.connectGetAllDomainStats, args),
    ]);
    const sizes = readDiskSizes(stats[0]?.params ?? new Map());
    return disks.map(({ target, device, serial }) => {
      const bytes = sizes.get(target);
      return {
        target,
        device,
        ...(serial !== undefined && { serial }),
        ...(bytes !== undefined && { bytes }),
      };
    });
  }

  async resize(id: string, target: string, bytes: number): Promise<void> {
    const disk = (await this.#of(id)).find((each) => each.target === target);
    if (!disk) throw new HypervisorError('no-device', `there is no disk ${target}`, { serverId: id });
    if (disk.nbd) await reconnectDisk(disk, this.#monitor(id));
    const size = BigInt(bytes - (await headerBytes(disk, this.#monitor(id))));
    const args = { domain: this.#reference(id), disk: target, size, flags: BlockResizeFlag.bytes };
    await this.#call(id, libvirt.domainBlockResize, args);
  }

  async replace(id: string, disk: GuestDisk, { larger, signal }: ReplaceOptions): Promise<void> {
    const bytes = larger
      ? (await this.list(id)).find((each) => each.target === disk.target)?.bytes
      : undefined;
    await replaceDisk(id, disk, {
      call: async (procedure, args) =>
        this.#call(id, procedure, { domain: this.#reference(id), disk: disk.target, ...args }),
      read: async () => (await this.#of(id)).find((each) => each.target === disk.target),
      bytes,
      signal,
    });
    await this.#wholeAgain(id, ({ target }) => target === disk.target);
    await this.added(id, [disk]);
  }

  /** For disks that are there since now, and whose requests are to wait for an NBD server that went away. */
  async added(id: string, disks: readonly GuestDisk[]): Promise<void> {
    const waits = new Map(
      disks.flatMap(({ source, target }) =>
        source.kind === 'nbd' && source.reconnectMs !== undefined ? [[target, source.reconnectMs]] : [],
      ),
    );
    if (waits.size > 0) await this.#wait(id, ({ target }) => waits.get(target));
  }

  /** For a server that was brought back from its saved memory. */
  async restored(id: string): Promise<void> {
    await this.#wholeAgain(id, () => true);
    await this.#wait(id, () => RESTORED_WAIT_MS);
  }

  async #wholeAgain(id: string, which: (disk: DomainDisk) => boolean): Promise<void> {
    for (const disk of await this.#of(id))
      if (disk.sliced && which(disk)) await showWhole(disk, this.#monitor(id));
  }

  async #wait(id: string, waitMs: (disk: DomainDisk) => number | undefined): Promise<void> {
    for (const disk of await this.#of(id)) {
      const ms = disk.nbd && waitMs(disk);
      if (ms !== undefined) await waitForServer(disk, ms, this.#monitor(id));
    }
  }

  async #of(id: string): Promise<DomainDisk[]> {
    const args = { domain: this.#reference(id), flags: 0 };
    return readDomainDisks(await this.#call(id, libvirt.domainGetXmlDesc, args));
  }

  #monitor(id: string): Monitor {
    return async (execute, args = {}) => {
      const answer = await this.#call(id, libvirt.qemuDomainMonitorCommand, {
        domain: this.#reference(id),
        command: JSON.stringify({ execute, arguments: args }),
        flags: MonitorFlag.qmp,
      });
      const { return: result, error } = JSON.parse(answer) as { return?: unknown; error?: { desc: string } };
      if (error)
        throw new HypervisorError('failed', `QEMU refused ${execute}: ${error.desc}`, { serverId: id });
      return result;
    };
  }
}
