// `changePassword`: needs an agent inside the guest, which guests here do not have; said so rather than pretended.
import { Type } from 'typebox';
import type { Call } from '#platform/http/api.ts';
import type { ComputeDeps } from '#compute/deps.ts';
import { NotOffered } from '#compute/errors.ts';
import { strict } from '#compute/schema-types.ts';
import { admitAction } from '../begin-action.ts';

export const changePasswordBody = Type.Object(
  { changePassword: Type.Object({ adminPass: Type.String() }, strict) },
  strict,
);

export async function changePassword(call: Call, deps: ComputeDeps): Promise<void> {
  await admitAction(call, deps, {
    action: 'changePassword',
    rule: 'os_compute_api:os-admin-password',
    from: { vm: ['active'] },
  });
  throw new NotOffered(
    'Unable to set password on instance: it needs an agent inside the guest, and guests have none.',
  );
}
