// A logged-in client of a cloud's REST API for tests: any method, any path, and waiting for servers.
import { readCloud } from '#cli/cloud-access.ts';
import { until } from './until.ts';

export interface ApiAnswer {
  readonly status: number;
  readonly body: Record<string, unknown>;
  readonly headers: Headers;
}

export interface ApiSession {
  readonly origin: string;
  readonly token: string;
  request(method: string, path: string, body?: unknown, headers?: Record<string, string>): Promise<ApiAnswer>;
  /** Id of the first thing of that name: `find('/network/v2.0/networks', 'private')`. */
  find(path: string, name: string): Promise<string>;
  /** A server of the demo image on the network `private`. @throws Error unless it is taken on */
  launch(name: string, changes?: Record<string, unknown>): Promise<string>;
  /** Undefined when it is gone. */
  server(id: string): Promise<ServerView | undefined>;
  /** Until the server has no task, or is gone. */
  settled(id: string, deadlineMs?: number): Promise<ServerView | undefined>;
  trace(id: string): Promise<TraceView>;
}

export interface ServerView {
  readonly id: string;
  readonly name: string;
  readonly status: string;
  readonly 'OS-EXT-STS:task_state': string | null;
  readonly 'OS-EXT-STS:vm_state': string;
  readonly 'OS-EXT-SRV-ATTR:host'?: string | null;
  readonly fault?: { readonly message: string; readonly code: number; readonly details?: string };
}

export interface TraceView {
  readonly state: string;
  readonly hops: ReadonlyArray<{
    readonly hop: string;
    readonly state: string;
    readonly started_at: string;
    readonly ended_at: string | null;
    readonly error?: string | null;
    readonly evidence: Record<string, unknown>;
  }>;
  readonly [key: string]: unknown;
}

const MICROVERSION = '2.93';

export async function apiSession(dataPath: string, cloud: 'pileus' | 'pileus-admin'): Promise<ApiSession> {
  const access = await readCloud(dataPath, cloud);
  const request: ApiSession['request'] = async (method, path, body, headers = {}) => {
    const answer = await fetch(access.origin + path, {
      method,
      headers: {
        'x-auth-token': access.token,
        'content-type': 'application/json',
        'x-openstack-nova-api-version': MICROVERSION,
        ...headers,
      },
      ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const text = await answer.text();
    return {
      status: answer.status,
      headers: answer.headers,
      body: (text ? JSON.parse(text) : {}) as Record<string, unknown>,
    };
  };
  const find: ApiSession['find'] = async (path, name) => {
    const { body } = await request('GET', path);
    const list = Object.values(body).find(Array.isArray) as Array<{ id: string; name: string }> | undefined;
    const found = list?.find((each) => each.name === name);
    if (!found) throw new Error(`${path} has no ${name}: ${JSON.stringify(body).slice(0, 500)}`);
    return found.id;
  };
  const server: ApiSession['server'] = async (id) => {
    const { status, body } = await request('GET', `/compute/v2.1/servers/${id}`);
    if (status === 404) return undefined;
    if (status !== 200) throw new Error(`server ${id}: ${status} ${JSON.stringify(body)}`);
    return body['server'] as ServerView;
  };
  return {
    origin: access.origin,
    token: access.token,
    request,
    find,
    server,
    launch: async (name, changes = {}) => {
      const [image, flavor, network] = await Promise.all([
        find('/image/v2/images', 'pileus-demo'),
        find('/compute/v2.1/flavors', 'm1.nano'),
        find('/network/v2.0/networks', 'private'),
      ]);
      const body = { name, imageRef: image, flavorRef: flavor, networks: [{ uuid: network }], ...changes };
      const answer = await request('POST', '/compute/v2.1/servers', { server: body });
      if (answer.status !== 202) throw new Error(`${answer.status} ${JSON.stringify(answer.body)}`);
      return (answer.body['server'] as { id: string }).id;
    },
    settled: async (id, deadlineMs = 30_000) => {
      const end = await until(
        async () => {
          const now = await server(id);
          return now === undefined || (now['OS-EXT-STS:task_state'] === null && now.status !== 'BUILD')
            ? { now }
            : undefined;
        },
        { deadlineMs, what: `server ${id} to settle`, everyMs: 50 },
      );
      return end.now;
    },
    trace: async (id) => {
      const { status, body } = await request('GET', `/compute/v2.1/servers/${id}/launch-trace`);
      if (status !== 200) throw new Error(`trace of ${id}: ${status} ${JSON.stringify(body)}`);
      return body['launch_trace'] as TraceView;
    },
  };
}
