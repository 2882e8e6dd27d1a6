// `POST /v3/users/{id}/password`: a user sets a new password by giving the old one.
import type { Call } from '#platform/http/api.ts';
import { Forbidden, Invalid, Unauthorized } from '../errors.ts';
import type { IdentityDeps } from '../deps.ts';
import { optionsOf } from '../passwords/passwords.ts';
import { lookUp } from '../resource.ts';
import { enabledUser } from '../tokens/context.ts';
import type { ChangePassword } from './schema.ts';
import { findUser, updateUser } from './store.ts';

export async function changePassword(call: Call, deps: IdentityDeps): Promise<unknown> {
  const { original_password: original, password } = (call.body as ChangePassword).user;
  const user = await lookUp(call.params['id'] ?? '', async (key) => findUser(deps.db.kysely, key));
  await deps.passwords.check(user, original, { allowExpired: true });
  if (!user) throw new Unauthorized('no such user');
  await enabledUser(deps.directory, user.id);
  if (optionsOf(user)['lock_password'] === true) throw new Forbidden('the password of this user is locked.');
  if (password === original) throw new Invalid('The new password cannot be identical to the original one.');
  deps.passwords.checkStrength(password);
  await deps.passwords.checkHistory(user, password);
  const columns = await deps.passwords.columnsFor(password, 'user', optionsOf(user));
  const record = deps.passwords.recorder(user.id, columns, 'user');
  const revocation = deps.revocations.ofUser(user.id);
  await deps.db.transaction(async (trx) => {
    await updateUser(trx, user.id, columns);
    await record(trx);
    await revocation.write(trx);
  });
  await revocation.done();
  return undefined;
}
