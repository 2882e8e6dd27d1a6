// What a volume must hold, and how a guest writes it and reads it back: patterns that follow from a seed and are nowhere
// the same, so that a block that is lost, old or in the wrong place changes the checksum. Used by test/faults.
import { createHash } from 'node:crypto';
import type { Guest } from './guest-cloud.ts';
import { until } from './until.ts';

const MIB = 2 ** 20;
/** Of the repeated text. A prime, so that no two blocks of a pattern begin at the same place of it. */
const PERIOD = 65_521;
const LINES = (PERIOD - 1) / 8;
/** Read after what was written: nothing may have got there. */
const BEYOND = 2;
/** A guest under an emulated CPU, beside others, whose disk is away for a while. */
const IO_MS = 120_000;

/** Seeds have seven digits; 1,000 of them lie between the text of one and the text of the next. */
const firstNumber = (seed: number): number => 1_000_000 + seed * 10_000;

function pattern(seed: number, mib: number): Buffer {
  const first = firstNumber(seed);
  const numbers = Array.from({ length: LINES }, (_, index) => `${first + index}.`);
  return Buffer.alloc(mib * MIB, `${numbers.join('')}\n`);
}

const md5 = (parts: Iterable<Buffer>): string => {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

/** The kernel may say something on the same console. */
const checksumIn = (said: string): string | undefined => /\b[0-9a-f]{32}\b/.exec(said)?.[0];

export interface Extent {
  readonly seed: number;
  /** Both in MiB. */
  readonly at: number;
  readonly size: number;
}

/** By MiB; what was never written is zero. */
export class DiskContent {
  readonly #blocks = new Map<number, Buffer>();

  clone(): DiskContent {
    const clone = new DiskContent();
    for (const [block, bytes] of this.#blocks) clone.#blocks.set(block, bytes);
    return clone;
  }

  write({ seed, at, size }: Extent): void {
    const bytes = pattern(seed, size);
    for (let block = 0; block < size; block++)
      this.#blocks.set(at + block, bytes.subarray(block * MIB, (block + 1) * MIB));
  }

  /** Places that were written, with the zeros behind each, and the checksum of each. */
  runs(): Array<{ at: number; size: number; md5: string }> {
    const runs: Array<{ at: number; size: number }> = [];
    for (const block of [...this.#blocks.keys()].toSorted((a, b) => a - b)) {
      const last = runs.at(-1);
      if (last && block <= last.at + last.size) last.size = block + 1 + BEYOND - last.at;
      else runs.push({ at: block, size: 1 + BEYOND });
    }
    const zeros = Buffer.alloc(MIB);
    return runs.map(({ at, size }) => ({
      at,
      size,
      md5: md5(Array.from({ length: size }, (_, block) => this.#blocks.get(at + block) ?? zeros)),
    }));
  }
}

/** A volume as a guest sees it. */
export class GuestDisk {
  readonly #guest: Guest;
  readonly device: string;

  private constructor(guest: Guest, device: string) {
    this.#guest = guest;
    this.device = device;
  }

  /** Waits until the guest has the disk of that volume. */
  static async find(guest: Guest, volumeId: string): Promise<GuestDisk> {
    const serial = volumeId.slice(0, 20);
    const name = await until(
      async () => (await guest.run(`grep -l "${serial}" /sys/block/vd*/serial || true`)).split('/')[3],
      { deadlineMs: IO_MS, what: `the guest to have ${volumeId}` },
    );
    return new GuestDisk(guest, `/dev/${name}`);
  }

  /** Past the page cache: what it says it has written is on the volume. */
  static #writing(device: string, { seed, at, size }: Extent): string {
    const first = firstNumber(seed);
    const line = `$(seq ${first} ${first + LINES - 1} | tr '\\n' .)`;
    const dd = `dd of=${device} bs=1M seek=${at} iflag=fullblock oflag=direct conv=notrunc`;
    return `yes "${line}" | head -c ${size * MIB} | ${dd} 2>/dev/null`;
  }

  async write(extent: Extent): Promise<void> {
    await this.#guest.run(GuestDisk.#writing(this.device, extent), IO_MS);
  }

  /** Runs `act` when the guest has written some of it and not all, and waits until it has written all. */
  async writeDuring(extent: Extent, act: () => Promise<void>): Promise<void> {
    const command = GuestDisk.#writing(this.device, extent);
    const before = await this.#sectorsWritten();
    await this.#guest.run(`rm -f /tmp/done; { ${command}; echo "code $?" >/tmp/done; } & true`);
    const some = before + 2048;
    await until(async () => (await this.#sectorsWritten()) >= some, {
      deadlineMs: IO_MS,
      everyMs: 10,
      what: `${this.device} to be written to`,
    });
    await act();
    const code = await until(
      async () => (await this.#guest.run('cat /tmp/done 2>/dev/null || true')) || false,
      {
        deadlineMs: IO_MS,
        what: `${this.device} to be written`,
        everyMs: 200,
      },
    );
    if (code !== 'code 0') throw new Error(`the guest could not write: ${code}`);
  }

  async #sectorsWritten(): Promise<number> {
    const name = this.device.replace('/dev/', '');
    return Number(await this.#guest.run(`awk '{ print $7 }' /sys/block/${name}/stat`));
  }

  async mib(): Promise<number> {
    return Number(await this.#guest.run(`cat /sys/block/${this.device.replace('/dev/', '')}/size`)) / 2048;
  }

  /** Reads every place anew, from the volume. @throws Error naming the first that is not as it must be */
  async check(content: DiskContent, when: string): Promise<void> {
    await this.#guest.run('echo 3 >/proc/sys/vm/drop_caches');
    for (const { at, size, md5: wanted } of content.runs()) {
      const read = `dd if=${this.device} bs=1M skip=${at} count=${size} 2>/dev/null | md5sum`;
      const said = await this.#guest.run(read, IO_MS);
      if (checksumIn(said) !== wanted)
        throw new Error(
          `${when}: ${this.device} holds other bytes at ${at} to ${at + size} MiB: ${JSON.stringify(said)}`,
        );
    }
  }

  /** Writes numbered sectors from `at` MiB on until the guest ends, each told on the console when it is written. */
  async writeAloud(at: number): Promise<void> {
    const sector = `printf '%-511d\\n' $i | dd of=${this.device} bs=512 seek=$((${at * 2048} + i)) oflag=direct conv=notrunc 2>/dev/null`;
    this.#guest.send(`i=0; while ${sector}; do echo "WRITTEN ${at}/$i."; i=$((i + 1)); done &`);
  }

  /** How many sectors a guest that ended meanwhile was told of. */
  static countAloud(console: string, at: number): number {
    const told = console.matchAll(new RegExp(`WRITTEN ${at}/(\\d+)\\.`, 'g'));
    return Math.max(-1, ...told.map((match) => Number(match[1]))) + 1;
  }

  async checkAloud(at: number, count: number): Promise<void> {
    const sectors = Array.from({ length: count }, (_, i) => Buffer.from(`${String(i).padEnd(511)}\n`));
    const read = `dd if=${this.device} bs=512 skip=${at * 2048} count=${count} 2>/dev/null | md5sum`;
    const said = await this.#guest.run(read, IO_MS);
    if (checksumIn(said) !== md5(sectors))
      throw new Error(`not all ${count} sectors are as the guest was told`);
  }
}
