// `/os-volume-transfer`, and from 3.55 on `/volume-transfers`: volumes that change hands between projects.
import type { PolicyRule } from '#platform/policy/enforcer.ts';
import type { VolumeRoute } from '#volume/deps.ts';
import { ADMIN, MEMBER, READER, rule } from '#volume/policies.ts';
import { booleanSchema, nameSchema, orNull, strict, uuidSchema } from '#volume/schema-types.ts';
import { Type } from 'typebox';
import { accept, create, listBrief, listDetail, remove, show } from './handlers.ts';

export const transferPolicies: readonly PolicyRule[] = [
  rule('volume:get_all_transfers', READER, 'List transfers.'),
  rule('volume:get_all_transfers_of_projects', ADMIN, 'List the transfers of every project.'),
  rule('volume:get_transfer', READER, 'Show a transfer.'),
  rule('volume:create_transfer', MEMBER, 'Offer a volume to another project.'),
  rule('volume:accept_transfer', MEMBER, 'Take a volume that was offered, with its key.'),
  rule('volume:delete_transfer', MEMBER, 'Withdraw the offer of a volume.'),
];

const offered = { volume_id: uuidSchema, name: Type.Optional(orNull(nameSchema)) };
const createTransfer = Type.Object({ transfer: Type.Object(offered, strict) }, strict);
const createTransfer_3_55 = Type.Object(
  { transfer: Type.Object({ ...offered, no_snapshots: Type.Optional(booleanSchema) }, strict) },
  strict,
);
const acceptTransfer = Type.Object(
  { accept: Type.Object({ auth_key: Type.String({ minLength: 1, maxLength: 255 }) }, strict) },
  strict,
);

function routesAt(path: string, since?: '3.55'): VolumeRoute[] {
  const from = since === undefined ? {} : { since };
  const rule = (name: string): string => `volume:${name}`;
  const body = since === undefined ? createTransfer : createTransfer_3_55;
  return [
    { method: 'GET', path, handler: listBrief, policy: rule('get_all_transfers'), ...from },
    {
      method: 'GET',
      path: `${path}/detail`,
      handler: listDetail,
      policy: rule('get_all_transfers'),
      ...from,
    },
    { method: 'POST', path, handler: create, body, success: 202, ...from },
    { method: 'GET', path: `${path}/:id`, handler: show, ...from },
    { method: 'DELETE', path: `${path}/:id`, handler: remove, success: 202, ...from },
    {
      method: 'POST',
      path: `${path}/:id/accept`,
      handler: accept,
      policy: rule('accept_transfer'),
      body: acceptTransfer,
      success: 202,
      errors: [413],
      ...from,
    },
  ];
}

export const transferRoutes: readonly VolumeRoute[] = [
  ...routesAt('/os-volume-transfer'),
  ...routesAt('/volume-transfers', '3.55'),
];
