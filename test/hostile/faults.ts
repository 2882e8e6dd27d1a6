// The form of each service's refusals.
import type { Outcome } from './client.ts';
import type { Target } from './targets.ts';

type Shape = (body: Record<string, unknown>, status: number) => boolean;

const text = (value: unknown): boolean =>
  typeof value === 'string' && value.length > 0 && value.length < 4000;
const inner = (body: Record<string, unknown>, key: string): Record<string, unknown> =>
  (body[key] ?? {}) as Record<string, unknown>;

/** Of the token middleware, which answers before the service does. */
const middleware: Shape = (body) => {
  const { code, title, message } = inner(body, 'error');
  return code === 401 && title === 'Unauthorized' && text(message);
};

/** One key, named for the status. */
const keyed: Shape = (body, status) => {
  const [key, ...more] = Object.keys(body);
  const { code, message } = inner(body, key ?? '');
  return more.length === 0 && code === status && text(message);
};

const SHAPES: Readonly<Record<Target['service'], Shape>> = {
  identity: (body, status) => {
    const { code, title, message } = inner(body, 'error');
    return code === status && text(title) && text(message);
  },
  compute: keyed,
  placement: (body, status) => {
    const [error] = (body['errors'] ?? []) as Array<Record<string, unknown>>;
    return (
      error?.['status'] === status &&
      text(error['title']) &&
      text(error['detail']) &&
      text(error['request_id'])
    );
  },
  image: (body, status) => text(body['message']) && String(body['code']).startsWith(String(status)),
  network: (body) => {
    const { type, message } = inner(body, 'NeutronError');
    return text(type) && text(message);
  },
  volume: keyed,
};

/** True for what is no refusal, too. */
export function isFault(
  target: Pick<Target, 'service' | 'method'>,
  { status, json, text, headers }: Outcome,
): boolean {
  if (status < 400) return true;
  if (headers['x-openstack-request-id'] === undefined) return false;
  if (target.method === 'HEAD') return text === '';
  if (typeof json !== 'object' || json === null) return false;
  const shape = status === 401 ? middleware : SHAPES[target.service];
  return shape(json as Record<string, unknown>, status);
}
