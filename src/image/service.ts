// The image service: its REST API, its database and its file store. Created by `src/cloud/assemble.ts`.
import { createTokenValidator, type TokenValidator } from '#platform/auth/token-validator.ts';
import type { Api, Route } from '#platform/http/api.ts';
import { startLoop, type Loop } from '#platform/loop/loop.ts';
import { Enforcer } from '#platform/policy/enforcer.ts';
import type { Service, ServiceContext } from '#platform/service/service.ts';
import { openDatabase } from '#platform/sql/database.ts';
import { migrate } from '#platform/sql/migrate.ts';
import { DEFAULT_IMAGE_CONFIG, type ImageConfig } from './config.ts';
import type { ImageDeps } from './deps.ts';
import { discoveryRoutes } from './discovery/routes.ts';
import { renderImageFault } from './fault.ts';
import { imageDataRoutes } from './image-data/routes.ts';
import { imageRoutes } from './images/routes.ts';
import { importRoutes } from './import/routes.ts';
import { startImports } from './import/runner.ts';
import { infoRoutes } from './info/routes.ts';
import { sagaMigration } from '#platform/saga/sql-log.ts';
import { taskRoutes } from './tasks/routes.ts';
import { releaseTasks } from './tasks/store.ts';
import { createFileStore } from './store/file-store.ts';
import { join } from 'node:path';
import { sweep } from './loops/sweep.ts';
import { memberRoutes } from './members/routes.ts';
import { imageMigration } from './migrations/001-images.ts';
import { imagePolicies } from './policies.ts';
import { schemaRoutes } from './schemas/routes.ts';
import { locationRoutes } from './locations/routes.ts';
import { locationsMigration } from './migrations/002-locations.ts';
import { importsMigration } from './migrations/003-imports.ts';
import { metadefsMigration } from './migrations/004-metadefs.ts';
import { visibilityIndexMigration } from './migrations/005-visibility-index.ts';
import { metadefRoutes } from './metadefs/routes.ts';
import type { StoreFactory } from './store/port.ts';
import { openStores } from './store/stores.ts';
import { storeRoutes } from './stores/routes.ts';
import type { ImageTables } from './tables.ts';
import { tagRoutes } from './tags/routes.ts';

const routes: readonly Route<ImageDeps>[] = [
  ...discoveryRoutes,
  ...schemaRoutes,
  ...infoRoutes,
  ...imageRoutes,
  ...imageDataRoutes,
  ...tagRoutes,
  ...memberRoutes,
  ...locationRoutes,
  ...importRoutes,
  ...taskRoutes,
  ...metadefRoutes,
  ...storeRoutes,
];

export interface ImageService extends Service<ImageDeps> {
  readonly name: 'image';
  readonly deps: ImageDeps;
}

export interface ImageServiceOptions {
  /** Kinds of stores beside files, by name: how `config.stores` opens them. */
  readonly storeFactories?: Readonly<Record<string, StoreFactory>>;
}

/** Uploads that a crash interrupted are undone before this resolves, when the database is this process's own. */
export async function createImageService(
  context: ServiceContext,
  given: Partial<ImageConfig> = {},
  options: ImageServiceOptions = {},
): Promise<ImageService> {
  await using undo = new AsyncDisposableStack();
  const { log, clock, dataDir } = context;
  const config = { ...DEFAULT_IMAGE_CONFIG, ...given };
  const db = undo.use(openDatabase<ImageTables>(context.databaseUrl));
  await migrate(db, 'image', [
    imageMigration,
    locationsMigration,
    sagaMigration,
    importsMigration,
    metadefsMigration,
    visibilityIndexMigration,
  ]);
  const stores = undo.use(await openStores(config.stores, { dataDir, log }, options.storeFactories));
  const serviceTokens = undo.use(await serviceTokenValidator(context));
  const staging = await createFileStore(join(dataDir, 'staging'));
  const alone = db.engine === 'sqlite'; // nobody else can be at work on a database of its own
  await sweep({ db, stores, staging, clock, log }, alone);
  if (alone) await releaseTasks(db.kysely);
  let loops: Loop[] = [];
  let imports: Loop | undefined;
  const deps: ImageDeps = {
    config,
    clock,
    log,
    db,
    stores,
    staging,
    imports: { nudge: () => imports?.nudge() },
    serviceTokens,
  };
  const owned = undo.move();
  return {
    name: 'image',
    api: imageApi(deps, new Enforcer(imagePolicies, context.policyOverrides)),
    deps,
    start: async () => {
      const intervalMs = deps.config.sweepIntervalMs;
      const looking = startLoop({ name: 'image-sweep', intervalMs, run: async () => sweep(deps), log });
      imports = startImports(deps);
      loops = [imports, looking];
    },
    [Symbol.asyncDispose]: async () => {
      for (const loop of loops) await loop[Symbol.asyncDispose]();
      await owned.disposeAsync();
    },
  };
}

async function serviceTokenValidator(context: ServiceContext): Promise<TokenValidator> {
  return createTokenValidator({
    identity: { send: async (request) => context.peer('identity').send(request) },
    bus: context.bus,
    clock: context.clock,
    serviceToken: context.serviceToken,
  });
}

function imageApi(deps: ImageDeps, enforcer: Enforcer): Api<ImageDeps> {
  return {
    name: 'image',
    prefix: '/image',
    routes,
    deps,
    enforcer,
    renderFault: renderImageFault,
    strictSlash: true,
    bodyRules: { order: 'token, body, schema, rule', isJson: () => true },
  };
}
