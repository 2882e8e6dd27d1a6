// A libvirt stream (console, screenshot) as a Duplex. Made by rpc.ts, which also delivers what arrives.
import { Duplex } from 'node:stream';
import { LibvirtConnectionError } from './errors.ts';

/** Payload libvirt of any age accepts in one stream packet is 256 KiB; smaller pieces interleave better. */
const CHUNK_BYTES = 65_536;

/**
 * The protocol has no flow control for one stream, and stopping the socket would stop every call on it.
 * So a reader that falls this far behind loses its stream instead.
 */
const UNREAD_MAX = 8 * 1024 * 1024;

export interface StreamPort {
  send(data: Uint8Array): void;
  finish(): void;
  abort(): void;
}

export class LibvirtStream extends Duplex {
  readonly #port: StreamPort;
  #finishSent = false;
  #closedByServer = false;

  constructor(port: StreamPort) {
    super({ allowHalfOpen: false });
    this.#port = port;
  }

  override _read(): void {
    // Data is pushed as it arrives: the server cannot be told to wait.
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    for (let offset = 0; offset < chunk.length; offset += CHUNK_BYTES) {
      this.#port.send(chunk.subarray(offset, offset + CHUNK_BYTES));
    }
    done();
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#finish();
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!this.#closedByServer) this.#port.abort();
    this.#closedByServer = true;
    done(error);
  }

  /** Data from the server. */
  deliver(data: Buffer): void {
    this.push(data);
    if (this.readableLength > UNREAD_MAX) {
      this.destroy(new LibvirtConnectionError('closed', 'stream aborted: its data is not read'));
    }
  }

  /**
   * The server has no more data. It holds the stream, and what feeds it, until the client says that it has
   * finished, and answers that with the stream's outcome.
   */
  endOfData(): void {
    this.#finish();
  }

  /** The server ended the stream, with an error or without. */
  finished(error?: Error): void {
    this.#closedByServer = true;
    if (error === undefined) this.push(null);
    else this.destroy(error);
  }

  #finish(): void {
    if (this.#finishSent || this.#closedByServer) return;
    this.#finishSent = true;
    this.#port.finish();
  }
}
