// `/v3/OS-REVOKE/events`: which tokens were refused before their time; and what is left of the tokens of old that were signed
// with certificates.
import type { Call, Route } from '#platform/http/api.ts';
import { DomainError } from '#platform/errors/domain-error.ts';
import type { IdentityDeps } from '../deps.ts';
import { Forbidden, Invalid } from '../errors.ts';
import { listRevocations } from '../tokens/store.ts';
import { tokenTime } from '../tokens/provider.ts';

async function listEvents(call: Call, deps: IdentityDeps): Promise<unknown> {
  const text = call.query.get('since');
  const since = text === null ? 0 : Date.parse(text);
  if (Number.isNaN(since)) throw new Invalid(`invalidate date format ${text ?? ''}`);
  const rows = await listRevocations(deps.db.kysely);
  const events = rows
    .filter((row) => row.revoked_at >= since)
    .map((row) => ({
      ...(row.user_id === null ? {} : { user_id: row.user_id }),
      ...(row.audit_id === null ? {} : { audit_id: row.audit_id }),
      ...(row.audit_chain_id === null ? {} : { audit_chain_id: row.audit_chain_id }),
      issued_before: tokenTime(row.issued_before),
      revoked_at: tokenTime(row.revoked_at),
    }));
  const self = `${call.baseUrl}/v3/OS-REVOKE/events`;
  return { events, links: { self, previous: null, next: null } };
}

async function refuseList(): Promise<never> {
  throw new Forbidden('tokens are not stored, so there is no list of those that were revoked.');
}

async function certificatesGone(): Promise<never> {
  throw new DomainError(
    'gone',
    'certificates-gone',
    'This API is no longer available: tokens are not signed with certificates.',
  );
}

export const revokeRoutes: readonly Route<IdentityDeps>[] = [
  {
    method: 'GET',
    path: '/v3/OS-REVOKE/events',
    policy: 'identity:list_revoke_events',
    handler: listEvents,
  },
  { method: 'GET', path: '/v3/auth/tokens/OS-PKI/revoked', auth: 'none', handler: refuseList },
  {
    method: 'GET',
    path: '/v3/OS-SIMPLE-CERT/ca',
    auth: 'none',
    handler: certificatesGone,
    success: 410,
  },
  {
    method: 'GET',
    path: '/v3/OS-SIMPLE-CERT/certificates',
    auth: 'none',
    handler: certificatesGone,
    success: 410,
  },
];
