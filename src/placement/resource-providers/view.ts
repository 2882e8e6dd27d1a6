// A resource provider as the API shows it, for each microversion. Pure.
import { hrefOf } from '#placement/answers.ts';
import { atLeast, type Microversion, type VersionText } from '#platform/microversion/microversion.ts';

const LINKS: ReadonlyArray<readonly [rel: string, since: VersionText]> = [
  ['inventories', '1.0'],
  ['usages', '1.0'],
  ['aggregates', '1.1'],
  ['traits', '1.6'],
  ['allocations', '1.11'],
];

export interface ShownProvider {
  readonly id: string;
  readonly name: string;
  readonly generation: number;
  readonly parent: string | null;
  readonly root: string;
}

export function providerView(provider: ShownProvider, version: Microversion): Record<string, unknown> {
  const self = hrefOf(`/resource_providers/${provider.id}`);
  return {
    uuid: provider.id,
    name: provider.name,
    generation: provider.generation,
    ...(atLeast(version, '1.14')
      ? { parent_provider_uuid: provider.parent, root_provider_uuid: provider.root }
      : {}),
    links: [
      { rel: 'self', href: self },
      ...LINKS.filter(([, since]) => atLeast(version, since)).map(([rel]) => ({
        rel,
        href: `${self}/${rel}`,
      })),
    ],
  };
}
