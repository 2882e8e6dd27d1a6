// Identity's own check of `X-Auth-Token`: no REST call to itself.
import type { Authenticator } from '#platform/auth/principal.ts';
import { principalOf } from '#platform/auth/token-body.ts';
import type { TokenProvider } from './provider.ts';

export function identityAuthenticator(tokens: TokenProvider): Authenticator {
  return {
    authenticate: async (token, serviceToken) => {
      const allowExpired = serviceToken !== undefined && (await isService(tokens, serviceToken));
      return principalOf((await tokens.validate(token, { allowExpired })).body);
    },
  };
}

async function isService(tokens: TokenProvider, token: string): Promise<boolean> {
  const { body } = await tokens.validate(token);
  return body.roles?.some((role) => role.name === 'service') ?? false;
}
