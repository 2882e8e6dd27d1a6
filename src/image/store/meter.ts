// What every store does while data passes through: counts, hashes, limits, and gives up a sender that falls silent.
import { createHash } from 'node:crypto';
import { finished, Transform, type Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { DomainError } from '#platform/errors/domain-error.ts';
import { TooLarge } from '../errors.ts';
import type { PutOptions, StoredData } from './port.ts';

/** Memory of one stream. More is no faster, and each reader holds two of them. */
export const CHUNK_BYTES = 1 << 18;

/**
 * Takes `from` to its end into `to`, and says what passed. `from` stays open when this fails for another reason than `from`
 * itself: the caller may still have to answer on the same connection.
 * @throws TooLarge past `maxBytes`, DomainError `sender-idle`, or what either stream fails with
 */
export async function pourMetered(
  from: Readable,
  to: Writable,
  { maxBytes, idleMs, signal }: Pick<PutOptions, 'maxBytes' | 'idleMs' | 'signal'>,
): Promise<StoredData> {
  const idle = new AbortController();
  const timer = setTimeout(() => idle.abort(new SenderIdle(idleMs)), idleMs);
  const meter = new Meter(maxBytes, () => timer.refresh());
  try {
    feed(from, meter);
    await pipeline(meter, to, { signal: signal ? AbortSignal.any([signal, idle.signal]) : idle.signal });
    return meter.result();
  } catch (error) {
    if (idle.signal.aborted) throw idle.signal.reason;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** As `pipe`, and what ends the source early ends `into`; also what ended it before. */
function feed(from: Readable, into: Transform): void {
  // `finished` would wait for ever on a request of Fastify's injection: it tells its end once, whoever listens.
  if (from.destroyed) {
    into.destroy(from.errored ?? new Error('the sender went before its data was read'));
    return;
  }
  const forget = finished(from, { writable: false }, (error) => {
    if (error) into.destroy(error);
  });
  into.once('close', () => {
    forget();
    from.unpipe(into);
  });
  from.pipe(into);
}

class SenderIdle extends DomainError {
  constructor(idleMs: number) {
    super('bad-request', 'sender-idle', `No data came for ${idleMs / 1000} s: the upload was given up.`);
  }
}

class Meter extends Transform {
  readonly #max: number;
  readonly #md5 = createHash('md5');
  readonly #sha512 = createHash('sha512');
  readonly #alive: () => void;
  #size = 0;

  constructor(max: number, alive: () => void) {
    super({ highWaterMark: CHUNK_BYTES });
    this.#max = max;
    this.#alive = alive;
  }

  override _transform(
    chunk: Buffer,
    _encoding: string,
    done: (error: Error | null, data?: Buffer) => void,
  ): void {
    this.#alive();
    this.#size += chunk.length;
    if (this.#size > this.#max) {
      return done(
        new TooLarge(`The image is larger than the limit of ${this.#max} bytes.`, 'image-too-large'),
      );
    }
    this.#md5.update(chunk);
    this.#sha512.update(chunk);
    done(null, chunk);
  }

  result(): StoredData {
    return { size: this.#size, md5: this.#md5.digest('hex'), sha512: this.#sha512.digest('hex') };
  }
}
