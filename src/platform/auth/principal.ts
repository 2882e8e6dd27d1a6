// Who calls: what a validated token says. Identity makes it, every service reads it.

export interface Principal {
  readonly userId: string;
  readonly userName: string;
  readonly userDomainId: string;
  readonly userDomainName: string;
  /** Set when the token is scoped to a project. */
  readonly projectId?: string;
  readonly projectName?: string;
  readonly projectDomainId?: string;
  readonly projectDomainName?: string;
  /** Set when the token is scoped to a domain. */
  readonly domainId?: string;
  readonly domainName?: string;
  /** True when the token is scoped to the system. */
  readonly system: boolean;
  /** Names, with implied ones. */
  readonly roles: readonly string[];
  /** When identity issued the token: at the login, or when it was made from another token. ISO 8601. */
  readonly issuedAt: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly auditIds: readonly string[];
  readonly methods: readonly string[];
  /** Set when an application credential made the token. */
  readonly applicationCredentialId?: string;
  /** Set when the token is scoped to a trust: `userId` is then one of the two. */
  readonly trust?: { readonly id: string; readonly trustorId: string; readonly trusteeId: string };
  /** Set when an OAuth access token made the token. */
  readonly accessTokenId?: string;
  /** Rules of a restricted application credential; undefined when all requests are allowed. */
  readonly accessRules?: ReadonlyArray<{
    readonly service: string;
    readonly method: string;
    readonly path: string;
  }>;
}

export function isAdmin(principal: Principal): boolean {
  return principal.roles.includes('admin');
}

/** Validates the token of a request for a service. Implemented over identity's REST API in `token-validator.ts`. */
export interface Authenticator {
  /**
   * @param serviceToken `X-Service-Token`: with a valid one of a service user, an expired `token` is accepted for as long
   *   as identity allows, so that long operations can end.
   * @throws DomainError of kind unauthorized
   */
  authenticate(token: string, serviceToken?: string): Promise<Principal>;
}
