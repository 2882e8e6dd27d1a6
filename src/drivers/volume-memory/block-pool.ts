// Blocks of the model's volumes in one sparse file that is reused, never copied: who holds a block is in the maps of
// model.ts alone. Called by driver.ts.
import { open, type FileHandle } from 'node:fs/promises';

export const BLOCK = 65_536;

/** Blocks of one volume or snapshot: index in the volume → index in the pool. What is not there reads as zeros. */
export type BlockMap = Map<number, number>;

export class BlockPool implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #free: number[] = [];
  #length: number;
  /** Blocks taken since the last settle: nothing saved names them, so they may be written again in place. */
  readonly #fresh = new Set<number>();
  /** Let go by somebody: the saved state or others may still name them. */
  #released = new Set<number>();

  private constructor(file: FileHandle, used: ReadonlySet<number>) {
    this.#file = file;
    this.#length = Math.max(0, ...used.values().map((block) => block + 1));
    for (let block = 0; block < this.#length; block++) if (!used.has(block)) this.#free.push(block);
  }

  /** `used`: blocks that the saved state names. All others are free. */
  static async open(path: string, used: ReadonlySet<number>): Promise<BlockPool> {
    // 'a+' would append whatever the position.
    const file = await open(path, 'r+').catch(() => open(path, 'w+', 0o600));
    return new BlockPool(file, used);
  }

  async read(block: number): Promise<Buffer> {
    const bytes = Buffer.alloc(BLOCK);
    await this.#file.read(bytes, 0, BLOCK, block * BLOCK);
    return bytes;
  }

  /** Writes the bytes in place of `old`, into it where nothing else can hold it. @returns where they are */
  async write(old: number | undefined, bytes: Buffer): Promise<number> {
    const block = old !== undefined && this.#fresh.has(old) ? old : this.#take();
    if (old !== undefined && old !== block) this.#released.add(old);
    await this.#file.write(bytes, 0, BLOCK, block * BLOCK);
    return block;
  }

  async sync(): Promise<void> {
    await this.#file.datasync();
  }

  /** A snapshot or a clone names all that its source does: from now on nothing is written in place. */
  freeze(): void {
    this.#fresh.clear();
  }

  /** What was released and is not among `used`, saved or not, can be taken again. */
  settle(used: ReadonlySet<number>): void {
    this.#fresh.clear();
    for (const block of this.#released.difference(used)) {
      this.#released.delete(block);
      this.#free.push(block);
    }
  }

  /** Blocks that one map no longer names; others may. */
  release(blocks: Iterable<number>): void {
    for (const block of blocks) this.#released.add(block);
  }

  /** Blocks that something may hold. */
  get usedBlocks(): number {
    return this.#length - this.#free.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }

  #take(): number {
    const block = this.#free.pop() ?? this.#length++;
    this.#fresh.add(block);
    return block;
  }
}
