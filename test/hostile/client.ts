// The enemy's own HTTP client: sends what it is told byte by byte, follows nothing, fails on nothing but a lost connection.
import { Agent, request } from 'node:http';

/** Far more than any answer takes beside other work. */
const ANSWER_MS = 120_000;

export interface Attempt {
  readonly method: string;
  /** With the service's prefix and the query, sent as it stands. */
  readonly path: string;
  readonly token?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
  /** Text or bytes are sent as they are, anything else as JSON. */
  readonly body?: unknown;
  /** Without a length that is told beforehand. */
  readonly chunked?: boolean;
}

export interface Outcome {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  /** Undefined when the text is no JSON. */
  readonly json: unknown;
}

export class HostileClient implements Disposable {
  readonly origin: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 16 });
  /** Requests answered so far, for the report. */
  sent = 0;

  constructor(origin: string) {
    this.origin = origin;
  }

  async send(attempt: Attempt): Promise<Outcome> {
    const { method, path, token, body } = attempt;
    const raw = typeof body === 'string' || Buffer.isBuffer(body);
    const payload = body === undefined ? undefined : raw ? body : JSON.stringify(body);
    const { hostname, port } = new URL(this.origin);
    const headers: Record<string, string> = {
      accept: 'application/json',
      ...(payload === undefined
        ? {}
        : {
            'content-type': 'application/json',
            ...(attempt.chunked
              ? { 'transfer-encoding': 'chunked' }
              : { 'content-length': String(Buffer.byteLength(payload)) }),
          }),
      ...(token === undefined ? {} : { 'x-auth-token': token }),
      ...attempt.headers,
    };
    this.sent += 1;
    return new Promise((resolve, reject) => {
      const sending = request(
        { agent: this.#agent, hostname, port, method, path, headers, timeout: ANSWER_MS },
        (answer) => {
          const chunks: Buffer[] = [];
          answer.on('data', (chunk: Buffer) => chunks.push(chunk));
          answer.on('error', reject);
          answer.on('end', () => {
            const text = Buffer.concat(chunks).toString();
            resolve({
              status: answer.statusCode ?? 0,
              headers: answer.headers,
              text,
              json: parsed(text),
            });
          });
        },
      );
      sending.on('timeout', () =>
        sending.destroy(new Error(`no answer to ${method} ${path} in ${ANSWER_MS} ms`)),
      );
      sending.on('error', reject);
      sending.end(payload);
    });
  }

  /** As `send`, for what must work. @throws Error with the answer */
  async ok(attempt: Attempt): Promise<Record<string, Record<string, unknown>>> {
    const outcome = await this.send(attempt);
    if (outcome.status >= 300)
      throw new Error(`${attempt.method} ${attempt.path}: ${outcome.status} ${outcome.text.slice(0, 500)}`);
    return (outcome.json ?? {}) as Record<string, Record<string, unknown>>;
  }

  [Symbol.dispose](): void {
    this.#agent.destroy();
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
