// `/os-volumes`, `/os-snapshots`: volumes and their snapshots through compute, until 2.35.
import { Type } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { createOne, listAll, removeOne, SNAPSHOTS, showOne, VOLUMES, type Proxied } from './handlers.ts';

const text = Type.Union([Type.String({ maxLength: 255 }), Type.Null()]);
const size = Type.Union([
  Type.Integer({ minimum: 1, maximum: 2_147_483_647 }),
  Type.String({ pattern: '^0*[1-9]\\d{0,8}$' }),
]);
const flag = Type.Union([
  Type.Boolean(),
  Type.String({ pattern: '^([Tt]rue|TRUE|[Ff]alse|FALSE|[Yy]es|[Nn]o|[Oo]n|[Oo]ff|0|1)$' }),
]);

const volumeBody = Type.Object(
  {
    volume: Type.Object(
      {
        size,
        volume_type: Type.Optional(text),
        snapshot_id: Type.Optional(text),
        availability_zone: Type.Optional(text),
        display_name: Type.Optional(text),
        display_description: Type.Optional(text),
        metadata: Type.Optional(
          Type.Union([Type.Record(Type.String(), Type.String({ maxLength: 255 })), Type.Null()]),
        ),
      },
      strict,
    ),
  },
  strict,
);

const snapshotBody = Type.Object(
  {
    snapshot: Type.Object(
      {
        volume_id: Type.String({ maxLength: 255 }),
        force: Type.Optional(flag),
        display_name: Type.Optional(text),
        display_description: Type.Optional(text),
      },
      strict,
    ),
  },
  strict,
);

const until = '2.35';

function routesOf(
  path: string,
  rules: string,
  proxied: Proxied,
  body: typeof volumeBody | typeof snapshotBody,
): ComputeRoute[] {
  const policy = (name: string): string => `os_compute_api:os-volumes:${rules}${name}`;
  return [
    { method: 'GET', path, handler: listAll(proxied), policy: policy('list'), until },
    { method: 'POST', path, handler: createOne(proxied), policy: policy('create'), body, until },
    { method: 'GET', path: `${path}/detail`, handler: listAll(proxied), policy: policy('detail'), until },
    { method: 'GET', path: `${path}/:id`, handler: showOne(proxied), policy: policy('show'), until },
    {
      method: 'DELETE',
      path: `${path}/:id`,
      handler: removeOne(proxied),
      policy: policy('delete'),
      success: 202,
      until,
    },
  ];
}

export const volumeProxyRoutes: readonly ComputeRoute[] = [
  ...routesOf('/v2.1/os-volumes', '', VOLUMES, volumeBody),
  ...routesOf('/v2.1/os-snapshots', 'snapshots:', SNAPSHOTS, snapshotBody),
];
