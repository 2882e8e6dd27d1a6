// Brings placement's tables into a database: its own service's, and compute's, which is the same one.
import { migrate } from '#platform/sql/migrate.ts';
import type { Database } from '#platform/sql/database.ts';
import { placementMigration } from './migrations/001-placement.ts';

export async function migratePlacement<T>(db: Database<T>): Promise<void> {
  await migrate(db, 'placement', [placementMigration]);
}
