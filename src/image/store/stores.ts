// The configured stores by name, in the order of the configuration. Opened once, by service.ts.
import { Invalid } from '../errors.ts';
import { openFileStore } from './file-store.ts';
import type { ImageStore, StoreConfig, StoreContext, StoreFactory } from './port.ts';

/** One file store, as it is without configuration. */
export const DEFAULT_STORES: readonly StoreConfig[] = [
  { id: 'file', kind: 'file', description: 'Files of the image service', default: true },
];

const FACTORIES: Readonly<Record<string, StoreFactory>> = { file: openFileStore };
const ID = /^[a-z0-9][a-z0-9_-]{0,62}$/;

export interface NamedStore {
  readonly id: string;
  readonly description: string;
  readonly isDefault: boolean;
  readonly store: ImageStore;
}

export interface Stores extends AsyncDisposable {
  readonly all: readonly NamedStore[];
  readonly default: NamedStore;
  /** Undefined also for a store that was taken out of the configuration, and whose images nobody can read until it is back. */
  find(id: string): ImageStore | undefined;
  /** @throws Invalid for a name that clients made up */
  get(id: string): NamedStore;
}

/** @param factories kinds beside the file store. @throws RangeError for a configuration that cannot be */
export async function openStores(
  configs: readonly StoreConfig[],
  context: StoreContext,
  factories: Readonly<Record<string, StoreFactory>> = {},
): Promise<Stores> {
  const first = checkStores(configs);
  await using undo = new AsyncDisposableStack();
  const all: NamedStore[] = [];
  for (const config of configs) {
    const open = factories[config.kind] ?? FACTORIES[config.kind];
    if (!open) throw new RangeError(`image store ${config.id}: there is no kind ${config.kind}`);
    const store = await open(config, context);
    undo.defer(async () => store.close?.());
    const { id, description = '' } = config;
    all.push({ id, description, isDefault: id === first, store });
  }
  const owned = undo.move();
  const byId = new Map(all.map((each) => [each.id, each]));
  return {
    all,
    default: byId.get(first)!, // checked to be one of them
    find: (id) => byId.get(id)?.store,
    get: (id) => {
      const found = byId.get(id);
      if (!found) throw new Invalid(`There is no store ${id.slice(0, 100)}.`, 'no-such-store');
      return found;
    },
    [Symbol.asyncDispose]: async () => owned.disposeAsync(),
  };
}

/** @returns the default's id */
function checkStores(configs: readonly StoreConfig[]): string {
  const ids = new Set(configs.map(({ id }) => id));
  const bad = configs.find(({ id }) => !ID.test(id));
  if (bad) throw new RangeError(`image store ${JSON.stringify(bad.id)}: no such name can be`);
  if (ids.size !== configs.length) throw new RangeError('two image stores have the same id');
  const chosen = configs.filter((each) => each.default === true);
  const first = chosen[0] ?? configs[0];
  if (!first || chosen.length > 1) throw new RangeError('one image store must be the default');
  return first.id;
}
