// Requests to peers with streams as bodies: over HTTP by node:http(s), or in the same process. Used by transport.ts.
// Back-pressure reaches from the reader to the sender in both, so that memory stays constant.
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { finished, Transform, type Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { StreamAnswer, StreamRequest } from './transport.ts';

type Headers = Readonly<Record<string, string>>;

/** @throws DomainError unavailable when the peer cannot be reached; the signal's reason when it aborts */
export async function sendHttpStream(
  baseUrl: string,
  request: StreamRequest,
  headers: Headers,
): Promise<StreamAnswer> {
  const { stream, signal } = request;
  const url = new URL(baseUrl + request.path);
  try {
    const answer = await new Promise<IncomingMessage>((resolve, reject) => {
      const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
      const outgoing = send(url, { method: request.method, headers, ...(signal ? { signal } : {}) }, resolve);
      outgoing.on('error', reject);
      if (!stream) return outgoing.end();
      const announced = headers['content-length'];
      const body = announced === undefined ? stream : stream.pipe(exactly(Number(announced)));
      for (const part of new Set([stream, body])) part.on('error', (error) => outgoing.destroy(error));
      // No pipeline: a peer may refuse before it has read everything, and then its answer counts, not the broken pipe.
      body.pipe(outgoing);
    });
    finished(answer, () => stream?.destroy());
    return { status: answer.statusCode ?? 0, headers: flatHeaders(answer.headers), stream: answer };
  } catch (cause) {
    stream?.destroy();
    signal?.throwIfAborted();
    throw new DomainError(
      'unavailable',
      'peer-unreachable',
      `${request.method} ${baseUrl}${request.path.split('?')[0]} could not be reached`,
      { cause },
    );
  }
}

/** Fails when another number of bytes passes: fewer would leave the peer waiting, more would be read as a new request. */
function exactly(size: number): Transform {
  let left = size;
  const mismatch = (): Error => new Error(`the body is not of the ${size} bytes that were announced`);
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) => {
      left -= chunk.length;
      done(left < 0 ? mismatch() : null, chunk);
    },
    flush: (done) => done(left > 0 ? mismatch() : null),
  });
}

/** Through Fastify's own injection. @throws the stream's error, or the signal's reason when it aborts */
export async function injectStream(
  app: FastifyInstance,
  url: string,
  request: StreamRequest,
  headers: Headers,
): Promise<StreamAnswer> {
  const { stream } = request;
  const broken = new AbortController();
  const signal = request.signal ? AbortSignal.any([request.signal, broken.signal]) : broken.signal;
  if (stream) finished(stream, { writable: false }, (error) => error && broken.abort(error));
  signal.throwIfAborted();
  try {
    const answer = await app.inject({
      method: request.method as 'GET',
      url,
      headers,
      payloadAsStream: true,
      signal,
      ...(stream ? { payload: stream } : {}),
    });
    signal.throwIfAborted();
    const body = answer.stream();
    // A reader that stops early ends the handler's stream too.
    body.once('close', () => {
      stream?.destroy();
      if (!body.readableEnded) answer.raw.res.destroy();
    });
    return { status: answer.statusCode, headers: flatHeaders(answer.headers), stream: body };
  } catch (error) {
    stream?.destroy();
    signal.throwIfAborted();
    throw error;
  }
}

function flatHeaders(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, String(value)]));
}

/** The text of a short answer, for the message of a refusal. Reads at most `limit` characters. */
export async function readText(stream: Readable, limit = 64 * 1024): Promise<string> {
  let text = '';
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    text += chunk.toString('utf8');
    if (text.length > limit) break;
  }
  return text.slice(0, limit);
}
