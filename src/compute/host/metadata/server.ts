// Answers guests at 169.254.169.254. Who asks is known by the network it asks on and its fixed address there.
import type { IncomingMessage, ServerResponse } from 'node:http';
import ipaddr from 'ipaddr.js';
import type { HostDeps } from '../deps.ts';
import type { InstanceEntry } from '../../rpc.ts';
import { isPassword, isReading, PASSWORD, passwordOf } from './password.ts';
import type { Vif } from '../../tables.ts';
import {
  EC2_VERSIONS,
  OPENSTACK_VERSIONS,
  ec2Tree,
  openstackFiles,
  type Ec2Tree,
  type MetadataSource,
} from './documents.ts';

/** How long an entry is trusted: cloud-init asks a dozen documents in a row. */
const FRESH_MS = 2000;

export interface MetadataServer {
  /** A `MetadataListener`. */
  readonly listener: (networkId: string, request: IncomingMessage, response: ServerResponse) => void;
  /** Which addresses are whose. Called before the guest starts, and again when its interfaces change. */
  register(instanceId: string, vifs: readonly Vif[]): void;
  forget(instanceId: string): void;
  /** True when no registered instance has an interface on the network any more. */
  isUnused(networkId: string): boolean;
}

export function createMetadataServer(deps: Pick<HostDeps, 'conductor' | 'clock' | 'log'>): MetadataServer {
  const owners = new Map<string, string>();
  const keysOf = new Map<string, string[]>();
  const fresh = new Map<string, { at: number; entry: InstanceEntry | null }>();

  const forget = (instanceId: string): void => {
    for (const key of keysOf.get(instanceId) ?? []) if (owners.get(key) === instanceId) owners.delete(key);
    keysOf.delete(instanceId);
    fresh.delete(instanceId);
  };

  const entryOf = async (instanceId: string): Promise<InstanceEntry | null> => {
    const known = fresh.get(instanceId);
    if (known && deps.clock.now() - known.at < FRESH_MS) return known.entry;
    const entry = await deps.conductor.call('getEntry', { instance_id: instanceId });
    fresh.set(instanceId, { at: deps.clock.now(), entry });
    return entry;
  };

  const answer = async (networkId: string, request: IncomingMessage): Promise<Answer> => {
    const { pathname } = URL.parse(request.url ?? '/', 'http://metadata') ?? {};
    if (pathname === undefined) return { status: 400, body: 'The address is malformed.\n' };
    const address = request.socket.remoteAddress?.replace(/^::ffff:|%.*$/g, '') ?? '';
    const instanceId = owners.get(`${networkId} ${address}`);
    const entry = instanceId === undefined ? null : await entryOf(instanceId);
    if (!entry) return { status: 404, body: 'No server has this address.\n' };
    if (isPassword(pathname)) return passwordOf(deps.conductor, entry.id, request);
    if (!isReading(request)) return { status: 405, body: 'Only GET is answered here.\n' };
    const sign = `first metadata request: ${request.url?.slice(0, 80)}`;
    deps.conductor
      .call('recordReady', { instance_id: entry.id, sign, evidence: { network_id: networkId, address } })
      .catch(() => undefined); // shown only
    return documentAt(pathname, {
      entry,
      vifs: JSON.parse(entry.vifs_json) as Vif[],
    });
  };

  const respond = async (
    networkId: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> => {
    const { status, body, type } = await answer(networkId, request);
    response
      .writeHead(status, {
        'content-type': type ?? 'text/plain; charset=utf-8',
        'content-length': Buffer.byteLength(body),
      })
      .end(request.method === 'HEAD' ? undefined : body);
  };

  return {
    listener: (networkId, request, response) => {
      respond(networkId, request, response).catch((error: unknown) => {
        deps.log.error({ err: error }, 'metadata request failed');
        if (!response.headersSent) response.writeHead(500);
        response.end();
      });
    },
    register: (instanceId, vifs) => {
      forget(instanceId);
      const keys = vifs.flatMap((vif) =>
        [...vif.fixed_ips.map((ip) => ip.address), linkLocal(vif.mac)].map(
          (address) => `${vif.network_id} ${address}`,
        ),
      );
      keysOf.set(instanceId, keys);
      for (const key of keys) owners.set(key, instanceId);
    },
    forget,
    isUnused: (networkId) => ![...owners.keys()].some((key) => key.startsWith(`${networkId} `)),
  };
}

/** Where a guest without IPv4 asks from (RFC 4291, appendix A): `fa:16:3e:3e:23:59` → `fe80::f816:3eff:fe3e:2359`. */
function linkLocal(mac: string): string {
  const [first = '0', ...rest] = mac.split(':');
  const bytes = [(Number.parseInt(first, 16) ^ 2).toString(16).padStart(2, '0'), ...rest];
  bytes.splice(3, 0, 'ff', 'fe');
  const groups = [0, 2, 4, 6].map((at) => `${bytes[at]}${bytes[at + 1]}`);
  return ipaddr.IPv6.parse(`fe80::${groups.join(':')}`).toString();
}

interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly type?: string;
}

const NOT_FOUND: Answer = { status: 404, body: 'There is no such document.\n' };

/** The document at a path of the metadata tree. */
export function documentAt(path: string, source: MetadataSource): Answer {
  const parts = path.split('/').filter(Boolean);
  if (parts[0] === 'openstack') return openstackDocument(parts.slice(1), source);
  if (parts.length === 0) return listing([...EC2_VERSIONS]);
  if (!(EC2_VERSIONS as readonly string[]).includes(parts[0]!)) return NOT_FOUND; // parts has an element
  if (parts[1] === 'user-data') {
    return source.entry.user_data
      ? { status: 200, body: Buffer.from(source.entry.user_data, 'base64'), type: 'application/octet-stream' }
      : NOT_FOUND;
  }
  if (parts.length === 1)
    return listing(source.entry.user_data ? ['meta-data/', 'user-data'] : ['meta-data/']);
  return ec2Document(ec2Tree(source), parts.slice(1));
}

function openstackDocument(parts: readonly string[], source: MetadataSource): Answer {
  const [version, name, ...rest] = parts;
  if (version === undefined) return listing([...OPENSTACK_VERSIONS]);
  if (!(OPENSTACK_VERSIONS as readonly string[]).includes(version) || rest.length > 0) return NOT_FOUND;
  const files = openstackFiles(source);
  if (name === undefined) return listing([...files.keys(), PASSWORD]);
  const body = files.get(name);
  if (body === undefined) return NOT_FOUND;
  return {
    status: 200,
    body,
    type: name.endsWith('.json') ? 'application/json' : 'application/octet-stream',
  };
}

function ec2Document(tree: Ec2Tree, parts: readonly string[]): Answer {
  let at: string | Ec2Tree | undefined = tree;
  for (const part of parts) {
    if (typeof at !== 'object') return NOT_FOUND;
    at = at.get(part) ?? [...at].find(([name]) => name.startsWith(`${part}=`))?.[1]; // keys are listed as `0=name` and asked for as `0`
  }
  if (at === undefined) return NOT_FOUND;
  if (typeof at === 'string') return { status: 200, body: at };
  return listing(
    [...at].map(([name, value]) => (typeof value === 'string' || name.includes('=') ? name : `${name}/`)),
  );
}

function listing(names: readonly string[]): Answer {
  return { status: 200, body: names.join('\n') };
}
