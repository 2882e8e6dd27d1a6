// The network service's migrations, oldest first.
import type { Migration } from '#platform/sql/migrate.ts';
import { networkMigration } from './001-network.ts';
import { portForwardingMigration } from './002-port-forwardings.ts';
import { projectIndexesMigration } from './003-project-indexes.ts';
import { qosMigration } from './004-qos.ts';
import { portBindingsMigration } from './005-port-bindings.ts';
import { trunksMigration } from './006-trunks.ts';

export const networkMigrations: readonly Migration[] = [
  networkMigration,
  portForwardingMigration,
  projectIndexesMigration,
  qosMigration,
  portBindingsMigration,
  trunksMigration,
];
