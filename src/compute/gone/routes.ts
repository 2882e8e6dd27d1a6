// What upstream took out of the API with nova-network, cells of the first kind, XenAPI and others: whoever has a token is told
// so, at every microversion. Actions on servers that went are beside the others.
import type { Call, Method } from '#platform/http/api.ts';
import type { ComputeRoute } from '#compute/deps.ts';
import { Gone, InvalidInput } from '#compute/errors.ts';

const GONE: ReadonlyArray<readonly [path: string, ...methods: Method[]]> = [
  ['/os-agents', 'GET', 'POST'],
  ['/os-agents/:id', 'PUT', 'DELETE'],
  ['/os-cells', 'GET', 'POST'],
  ['/os-cells/capacities', 'GET'],
  ['/os-cells/detail', 'GET'],
  ['/os-cells/info', 'GET'],
  ['/os-cells/sync_instances', 'POST'],
  ['/os-cells/:id', 'GET', 'PUT', 'DELETE'],
  ['/os-cells/:id/capacities', 'GET'],
  ['/os-certificates', 'POST'],
  ['/os-certificates/:id', 'GET'],
  ['/os-cloudpipe', 'GET', 'POST'],
  ['/os-cloudpipe/:id', 'PUT'],
  ['/os-fixed-ips/:id', 'GET'],
  ['/os-floating-ip-dns', 'GET'],
  ['/os-floating-ip-dns/:id', 'PUT', 'DELETE'],
  ['/os-floating-ip-dns/:id/entries/:entry', 'GET', 'PUT', 'DELETE'],
  ['/os-floating-ips-bulk', 'GET', 'POST'],
  ['/os-floating-ips-bulk/:id', 'GET', 'PUT'],
  ['/os-fping', 'GET'],
  ['/os-fping/:id', 'GET'],
  ['/os-networks', 'POST'],
  ['/os-networks/add', 'POST'],
  ['/os-networks/:id', 'DELETE'],
  ['/os-security-group-default-rules', 'GET', 'POST'],
  ['/os-security-group-default-rules/:id', 'GET', 'DELETE'],
  ['/os-tenant-networks', 'POST'],
  ['/os-tenant-networks/:id', 'DELETE'],
  ['/servers/:id/consoles', 'GET', 'POST'],
  ['/servers/:id/consoles/:console', 'GET', 'DELETE'],
  ['/servers/:id/os-virtual-interfaces', 'GET'],
];

/** Their actions went alike; a body must still name one. */
const GONE_ACTIONS: ReadonlyArray<readonly [path: string, ...keys: string[]]> = [
  ['/os-fixed-ips/:id/action', 'reserve', 'unreserve'],
  ['/os-networks/:id/action', 'associate_host', 'disassociate', 'disassociate_host', 'disassociate_project'],
];

async function refuse(): Promise<never> {
  throw new Gone();
}

const refuseActions =
  (known: readonly string[]) =>
  async ({ body }: Call): Promise<never> => {
    const keys = typeof body === 'object' && body !== null ? Object.keys(body) : [];
    const [key] = keys;
    if (key === undefined || keys.length > 1)
      throw new InvalidInput('Malformed request body: it must name one action.', 'malformed-body');
    if (!known.includes(key)) throw new InvalidInput(`There is no such action: ${key}`, 'no-such-action');
    throw new Gone();
  };

export const goneRoutes: readonly ComputeRoute[] = [
  ...GONE.flatMap(([path, ...methods]) =>
    methods.map((method): ComputeRoute => ({ method, path: `/v2.1${path}`, handler: refuse, success: 410 })),
  ),
  ...GONE_ACTIONS.map(([path, ...keys]): ComputeRoute => ({
    method: 'POST',
    path: `/v2.1${path}`,
    handler: refuseActions(keys),
    success: 410,
  })),
];
