// A small REST session for first-boot work: logs in once, finds by name, creates what is not there.
import { createIdentityClient } from '#platform/clients/identity.ts';
import { expectOk, type RestAnswer, type RestRequest, type Transport } from '#platform/clients/transport.ts';
import type { ServiceName } from '#platform/service/service.ts';

export interface Session {
  readonly projectId: string;
  readonly token: string;
  request(service: ServiceName, request: Omit<RestRequest, 'token'>): Promise<RestAnswer>;
  /** The resource named so, or a new one of `body`. `collection` is the path, `/v2.0/networks`; `key` its singular. */
  ensure(
    service: ServiceName,
    collection: string,
    key: string,
    body: { readonly name: string } & Readonly<Record<string, unknown>>,
  ): Promise<Record<string, unknown>>;
}

export async function logIn(
  peer: (service: ServiceName) => Transport,
  username: string,
  password: string,
  projectName: string,
): Promise<Session> {
  const { token, principal } = await createIdentityClient(peer('identity')).logIn({
    username,
    password,
    projectName,
  });
  const request: Session['request'] = async (service, wanted) =>
    expectOk(service, peer(service), { ...wanted, token });
  return {
    token,
    projectId: principal.projectId ?? '',
    request,
    ensure: async (service, collection, key, body) => {
      const listed = await request(service, {
        method: 'GET',
        path: `${collection}?name=${encodeURIComponent(body.name)}`,
      });
      const plural = collection.split('/').at(-1) ?? '';
      const [known] = (listed.body as Record<string, Array<Record<string, unknown>>>)[plural] ?? [];
      if (known) return known;
      const made = await request(service, { method: 'POST', path: collection, body: { [key]: body } });
      return (made.body as Record<string, Record<string, unknown>>)[key] ?? {};
    },
  };
}
