// `/os-keypairs`: the SSH keys that a user's servers let in.
import { Type, type TProperties } from 'typebox';
import type { ComputeRoute } from '#compute/deps.ts';
import { strict } from '#compute/schema-types.ts';
import { create, listAll, remove, show } from './handlers.ts';

const name = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9\\-_ ]+(?<! )$' });
const name_2_92 = Type.String({ minLength: 1, maxLength: 255, pattern: '^(?! )[a-zA-Z0-9\\-_ @.]+(?<! )$' });
const publicKey = Type.String({ minLength: 1, maxLength: 65_535 });

const body = (fields: TProperties) =>
  Type.Object(
    {
      keypair: Type.Object(
        { name, public_key: Type.Optional(Type.Union([publicKey, Type.Null()])), ...fields },
        strict,
      ),
    },
    strict,
  );

const type = Type.Optional(Type.Union([Type.Literal('ssh'), Type.Literal('x509')]));
const user_id = Type.Optional(Type.String({ minLength: 1, maxLength: 255 }));

const path = '/v2.1/os-keypairs';

export const keypairRoutes: readonly ComputeRoute[] = [
  { method: 'GET', path, handler: listAll },
  {
    method: 'POST',
    path,
    handler: create,
    body: [
      { schema: body({}) },
      { since: '2.2', schema: body({ type }) },
      { since: '2.10', schema: body({ type, user_id }) },
      { since: '2.92', schema: body({ name: name_2_92, type, user_id, public_key: publicKey }) },
    ],
    errors: [409],
  },
  { method: 'GET', path: `${path}/:name`, handler: show },
  { method: 'DELETE', path: `${path}/:name`, handler: remove, success: 202 },
];
