// The form of each service's refusals: the names and types of their members, and the headers that go with them.
import { STATUS_CODES } from 'node:http';
import type { Outcome } from './client.ts';
import type { Target } from './targets.ts';

type Shape = (body: Record<string, unknown>, status: number) => boolean;

const text = (value: unknown): boolean =>
  typeof value === 'string' && value.length > 0 && value.length < 4000;
const inner = (body: Record<string, unknown>, key: string): Record<string, unknown> =>
  (body[key] ?? {}) as Record<string, unknown>;
const only = (body: Record<string, unknown>, ...keys: readonly string[]): boolean =>
  Object.keys(body).toSorted().join() === keys.toSorted().join();
const titleOf = (status: number): string =>
  status === 413 ? 'Request Entity Too Large' : (STATUS_CODES[status] ?? '');

/** Of the token middleware, which answers before the service does. */
const middleware: Shape = (body) => {
  const { code, title, message } = inner(body, 'error');
  return only(body, 'error') && code === 401 && title === 'Unauthorized' && text(message);
};

/** Of the web framework, which answers before the service does; of the image service whatever answers. */
const framework: Shape = (body, status) =>
  only(body, 'message', 'code', 'title') &&
  text(body['message']) &&
  body['code'] === `${status} ${titleOf(status)}` &&
  body['title'] === titleOf(status);

const KEYS: Readonly<Record<number, string>> = {
  400: 'badRequest',
  403: 'forbidden',
  404: 'itemNotFound',
  409: 'conflictingRequest',
  413: 'overLimit',
  415: 'badMediaType',
  501: 'notImplemented',
  503: 'serviceUnavailable',
};

/** One key, named for the status; the framework's where the path or the size is refused. */
const keyed: Shape = (body, status) => {
  const key = KEYS[status] ?? 'computeFault';
  const { code, message } = inner(body, key);
  return (
    (only(body, key) && code === status && text(message)) ||
    ([404, 413].includes(status) && framework(body, status))
  );
};

const SHAPES: Readonly<Record<Target['service'], Shape>> = {
  identity: (body, status) => {
    const { code, title, message } = inner(body, 'error');
    if (status === 413) return framework(body, status);
    return only(body, 'error') && code === status && title === titleOf(status) && text(message);
  },
  compute: keyed,
  placement: (body, status) => {
    const [error] = (body['errors'] ?? []) as Array<Record<string, unknown>>;
    return (
      only(body, 'errors') &&
      error?.['status'] === status &&
      error['title'] === STATUS_CODES[status] &&
      text(error['detail']) &&
      text(error['request_id'])
    );
  },
  image: framework,
  network: (body) => {
    const { type, message, detail } = inner(body, 'NeutronError');
    return (
      only(body, 'NeutronError') &&
      text(type) &&
      type !== 'HTTPInternalServerError' &&
      text(message) &&
      typeof detail === 'string'
    );
  },
  volume: keyed,
};

/** What is wrong with the form of a refusal; undefined when nothing is, or when it is none. */
export function faultOf(
  target: Pick<Target, 'service' | 'method'>,
  { status, json, text: body, headers }: Outcome,
): string | undefined {
  if (status < 400) return undefined;
  const id = String(headers['x-openstack-request-id']);
  if (!/^req-[0-9a-f-]{36}$/.test(id)) return `no request id but ${id}`;
  if (target.service === 'compute' && headers['x-compute-request-id'] !== id) return 'no compute request id';
  if (status === 401 && !String(headers['www-authenticate']).startsWith('Keystone uri="http'))
    return 'no WWW-Authenticate';
  if (target.method === 'HEAD') return body === '' ? undefined : 'a body in the answer to HEAD';
  if (!/^application\/json\b/.test(String(headers['content-type']))) return 'no JSON';
  if (typeof json !== 'object' || json === null) return 'no JSON object';
  const shape = status === 401 && target.service !== 'image' ? middleware : SHAPES[target.service];
  if (shape(json as Record<string, unknown>, status)) return undefined;
  return `not a fault of ${target.service}: ${status} ${body.slice(0, 300)}`;
}
