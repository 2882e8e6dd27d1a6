// Bytes of a socket by count: one reader asks for what comes next. Called by the handshake and the reply reader.
import type { Socket } from 'node:net';

/** Unread bytes above which the socket is stopped: more than one largest reply is never needed. */
const HIGH_WATER = 1 << 20;

export class ByteSource {
  readonly #socket: Socket;
  #chunks: Buffer[] = [];
  #length = 0;
  #wanted = 0;
  #waiting: PromiseWithResolvers<void> | undefined;
  #failure: Error | undefined;

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => this.#push(chunk));
  }

  /** Whoever waits now or later gets this error. */
  fail(error: Error): void {
    this.#failure ??= error;
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  /** The next bytes. One call at a time. */
  async take(count: number): Promise<Buffer> {
    while (this.#length < count) {
      if (this.#failure) throw this.#failure;
      this.#wanted = count;
      this.#waiting = Promise.withResolvers();
      this.#socket.resume();
      await this.#waiting.promise;
    }
    return this.#cut(count);
  }

  #push(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
    if (this.#length >= this.#wanted) {
      this.#waiting?.resolve();
      this.#waiting = undefined;
    }
    if (this.#length > Math.max(HIGH_WATER, this.#wanted)) this.#socket.pause();
  }

  #cut(count: number): Buffer {
    const [first] = this.#chunks;
    this.#length -= count;
    this.#wanted = 0;
    if (first && first.length > count) {
      this.#chunks[0] = first.subarray(count);
      return first.subarray(0, count);
    }
    const result = Buffer.allocUnsafe(count);
    let at = 0;
    let used = 0;
    while (at < count) {
      const chunk = this.#chunks[used]!; // the lengths add up to at least `count`
      const part = Math.min(chunk.length, count - at);
      chunk.copy(result, at, 0, part);
      at += part;
      if (part < chunk.length) this.#chunks[used] = chunk.subarray(part);
      else used += 1;
    }
    this.#chunks.splice(0, used);
    return result;
  }
}
