// `/v3/credentials`: secrets that users keep with identity. Rules are checked in the handlers, which know the owner.
import { Type, type Static } from 'typebox';
import type { Route } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { Id, Name, Nullable, Text } from '../resource.ts';
import {
  createCredential,
  listCredentials,
  removeCredential,
  showCredential,
  updateOneCredential,
} from './handlers.ts';

const Optional = {
  project_id: Type.Optional(Nullable(Id)),
  user_id: Type.Optional(Id),
};
const createBody = Type.Object({ credential: Type.Object({ type: Name, blob: Text, ...Optional }) });
const updateBody = Type.Object({
  credential: Type.Object(
    { type: Type.Optional(Name), blob: Type.Optional(Text), ...Optional },
    { minProperties: 1 },
  ),
});
export type CreateCredential = Static<typeof createBody>;
export type UpdateCredential = Static<typeof updateBody>;

export const credentialRoutes: readonly Route<IdentityDeps>[] = [
  { method: 'GET', path: '/v3/credentials', handler: listCredentials },
  {
    method: 'POST',
    path: '/v3/credentials',
    body: createBody,
    handler: createCredential,
    success: 201,
    errors: [409],
  },
  { method: 'GET', path: '/v3/credentials/:id', handler: showCredential },
  { method: 'PATCH', path: '/v3/credentials/:id', body: updateBody, handler: updateOneCredential },
  { method: 'DELETE', path: '/v3/credentials/:id', handler: removeCredential, success: 204 },
];
