// Logins in several steps: a user whose rules ask for more methods than one gets a receipt for those that were right, and
// comes again with it and the rest.
import { Reply, type Call } from '#platform/http/api.ts';
import type { IdentityDeps } from '../deps.ts';
import { Unauthorized } from '../errors.ts';
import { optionsOf } from '../passwords/passwords.ts';
import { enabledUser } from './context.ts';
import { METHODS, type AuthMethod } from './payload.ts';
import { tokenTime } from './provider.ts';

/** As upstream by default. */
const LIFETIME_MS = 300_000;
const HEADER = 'openstack-auth-receipt';

export interface Receipt {
  readonly userId: string;
  readonly methods: readonly AuthMethod[];
  readonly issuedAt: number;
  readonly expiresAt: number;
}

/** That of the request, if it has one. @throws Unauthorized for one that does not hold */
export function receiptOf(call: Call, deps: IdentityDeps): Receipt | undefined {
  const header = call.headers[HEADER];
  if (header === undefined) return undefined;
  const text =
    typeof header === 'string' && header.length <= 2048 ? deps.receiptKeys.open(header) : undefined;
  if (!text) throw new Unauthorized('the receipt is none of ours');
  const receipt = JSON.parse(text.toString('utf8')) as Receipt;
  const { userId, issuedAt, expiresAt } = receipt;
  if (expiresAt <= deps.clock.now() || issuedAt < deps.revocations.earliestIssue(userId)) {
    throw new Unauthorized('the receipt has expired');
  }
  return receipt;
}

/** The answer to who has not given enough yet; undefined when the user's rules are met, or there are none. */
export async function askForMore(
  deps: IdentityDeps,
  userId: string,
  methods: readonly AuthMethod[],
): Promise<Reply | undefined> {
  const user = await enabledUser(deps.directory, userId);
  const rules = rulesOf(optionsOf(user));
  if (rules.length === 0 || rules.some((rule) => rule.every((method) => methods.includes(method)))) {
    return undefined;
  }
  const issuedAt = Math.max(deps.clock.now(), deps.revocations.earliestIssue(userId));
  const receipt: Receipt = { userId, methods, issuedAt, expiresAt: issuedAt + LIFETIME_MS };
  const domain = await deps.directory.domain(user.domain_id);
  const body = {
    receipt: {
      methods,
      user: { id: user.id, name: user.name, domain: { id: user.domain_id, name: domain?.name ?? '' } },
      issued_at: tokenTime(issuedAt),
      expires_at: tokenTime(receipt.expiresAt),
    },
    required_auth_methods: rules.filter((rule) => rule.some((method) => methods.includes(method))),
  };
  const sealed = deps.receiptKeys.seal(Buffer.from(JSON.stringify(receipt), 'utf8'), issuedAt);
  return new Reply(401, body, { vary: 'X-Auth-Token', [HEADER]: sealed });
}

/** Methods that are not offered don't lock anyone out: a rule counts for those that are. */
function rulesOf(options: Readonly<Record<string, unknown>>): AuthMethod[][] {
  const { multi_factor_auth_rules: rules, multi_factor_auth_enabled: enabled } = options;
  if (enabled === false || !Array.isArray(rules)) return [];
  return rules
    .filter((rule): rule is unknown[] => Array.isArray(rule) && rule.length > 0)
    .map((rule) => METHODS.filter((method) => rule.includes(method)));
}
