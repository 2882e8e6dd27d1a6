// The body of a validated token as identity answers it, and the principal that it describes. Read by the shared token
// validator and by identity itself, so that both see the same caller.
import type { Principal } from './principal.ts';

export interface NamedInDomain {
  readonly id: string;
  readonly name: string;
  readonly domain: { readonly id: string; readonly name: string };
}

/** What is inside `{"token": …}`; the catalog is absent with `?nocatalog`. */
export interface TokenBody {
  readonly methods: readonly string[];
  readonly user: NamedInDomain & { readonly password_expires_at: string | null };
  readonly audit_ids: readonly string[];
  readonly expires_at: string;
  readonly issued_at: string;
  readonly project?: NamedInDomain;
  readonly is_domain?: boolean;
  readonly domain?: { readonly id: string; readonly name: string };
  readonly system?: { readonly all: true };
  readonly roles?: ReadonlyArray<{ readonly id: string; readonly name: string }>;
  readonly catalog?: readonly unknown[];
  readonly application_credential?: {
    readonly id: string;
    readonly name: string;
    readonly restricted: boolean;
    readonly access_rules?: ReadonlyArray<{
      readonly id: string;
      readonly service: string;
      readonly method: string;
      readonly path: string;
    }>;
  };
  readonly 'OS-TRUST:trust'?: {
    readonly id: string;
    readonly impersonation: boolean;
    readonly trustor_user: { readonly id: string };
    readonly trustee_user: { readonly id: string };
  };
  readonly 'OS-OAUTH1'?: { readonly access_token_id: string; readonly consumer_id: string };
}

export function principalOf(token: TokenBody): Principal {
  const { user, project, domain, application_credential: credential } = token;
  const { 'OS-TRUST:trust': trust, 'OS-OAUTH1': oauth } = token;
  return {
    userId: user.id,
    userName: user.name,
    userDomainId: user.domain.id,
    userDomainName: user.domain.name,
    ...(project
      ? {
          projectId: project.id,
          projectName: project.name,
          projectDomainId: project.domain.id,
          projectDomainName: project.domain.name,
        }
      : {}),
    ...(domain ? { domainId: domain.id, domainName: domain.name } : {}),
    system: token.system !== undefined,
    roles: (token.roles ?? []).map((role) => role.name),
    issuedAt: token.issued_at,
    expiresAt: token.expires_at,
    auditIds: token.audit_ids,
    methods: token.methods,
    ...(credential ? { applicationCredentialId: credential.id } : {}),
    ...(trust
      ? { trust: { id: trust.id, trustorId: trust.trustor_user.id, trusteeId: trust.trustee_user.id } }
      : {}),
    ...(oauth ? { accessTokenId: oauth.access_token_id } : {}),
    ...(credential?.access_rules ? { accessRules: credential.access_rules } : {}),
  };
}
