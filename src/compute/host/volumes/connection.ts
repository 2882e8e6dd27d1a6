// How a volume is reached, as the volume service told it and the device's row keeps it: read with a check, since what another
// service says may be anything. Pure.
import type { DiskSource } from '#drivers/libvirt/port.ts';
import { HostError } from '../errors.ts';

/** How long a guest's requests wait for storage that is away: as long as a storage daemon may take to come back. */
const RECONNECT_MS = 60_000;

/** As the attachments API tells it: `driver_volume_type` beside the data. */
export type Connection = Readonly<Record<string, unknown>>;

/** @param json of `connection_json`; null: not connected, and nothing to read. @throws HostError for what is no object */
export function readConnection(json: string | null): Connection {
  const value: unknown = JSON.parse(json ?? '{}');
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unreadable('connection_info');
  return { ...value };
}

/** @throws HostError for storage that this host's hypervisor does not know, and for a connection that lacks what it needs */
export function sourceOf(connection: Connection): DiskSource {
  const type = connection['driver_volume_type'];
  if (type === 'nbd') {
    const place =
      connection['socket_path'] === undefined
        ? { host: text(connection, 'host'), port: portOf(connection['port']) }
        : { socketPath: text(connection, 'socket_path') };
    return { kind: 'nbd', exportName: text(connection, 'export_name'), reconnectMs: RECONNECT_MS, ...place };
  }
  if (type === 'rbd') {
    const [pool, image, ...more] = text(connection, 'name').split('/');
    if (!pool || !image || more.length > 0) throw unreadable('name');
    return {
      kind: 'rbd',
      pool,
      image,
      monitors: monitorsOf(connection),
      user: text(connection, 'auth_username'),
      secretId: text(connection, 'secret_uuid'),
    };
  }
  // The model of a hypervisor opens nothing: a name is enough.
  if (type === 'simulated')
    return { kind: 'file', path: `/simulated/volumes/${text(connection, 'volume_id')}`, format: 'raw' };
  throw new HostError(
    'not-supported',
    'unknown-storage',
    `This host can not reach volumes by ${JSON.stringify(type ?? null)}.`,
    { retriable: true },
  );
}

function monitorsOf({ hosts, ports }: Connection): Array<{ host: string; port: number }> {
  if (!Array.isArray(hosts) || hosts.length === 0) throw unreadable('hosts');
  if (!Array.isArray(ports) || ports.length !== hosts.length) throw unreadable('ports');
  return hosts.map((host: unknown, index) => {
    if (typeof host !== 'string' || host === '') throw unreadable('hosts');
    return { host, port: portOf(ports[index]) };
  });
}

function text(connection: Connection, name: string): string {
  const value = connection[name];
  if (typeof value !== 'string' || value === '') throw unreadable(name);
  return value;
}

/** Monitors' are text. */
function portOf(value: unknown): number {
  const port = typeof value === 'string' ? Number(value) : value;
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 1 || port > 65_535)
    throw unreadable('port');
  return port;
}

/** Never the value: it may be a secret. */
const unreadable = (name: string): HostError =>
  new HostError(
    'conflict',
    'connection-unreadable',
    `The volume service told how to reach the volume without a valid ${name}.`,
    { retriable: true },
  );

const SECRET = /secret|password|key|token|auth_username/i;

/** What may stand in a record of `connection_json`: where the volume is, never by which secret. */
export function maskedConnection(json: string | null): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(readConnection(json)).map(([name, value]) => [name, SECRET.test(name) ? '***' : value]),
  );
}
