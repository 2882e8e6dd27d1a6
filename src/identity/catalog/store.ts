// All SQL of regions, services and endpoints, which the catalog is made of.
import { removeLooseTies } from '../endpoint-filter/store.ts';
import { removeAssociations } from '../policies/store.ts';
import type { EndpointRow, IdentityExecutor, RegionRow, ServiceRow } from '../database.ts';

export async function findRegion(db: IdentityExecutor, id: string): Promise<RegionRow | undefined> {
  return db.selectFrom('regions').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listRegionRows(
  db: IdentityExecutor,
  filter: Partial<Pick<RegionRow, 'parent_region_id'>>,
): Promise<RegionRow[]> {
  let query = db.selectFrom('regions').selectAll().orderBy('id');
  if (filter.parent_region_id !== undefined) {
    query = query.where('parent_region_id', '=', filter.parent_region_id);
  }
  return query.execute();
}

export async function insertRegion(db: IdentityExecutor, row: RegionRow): Promise<void> {
  await db.insertInto('regions').values(row).execute();
}

export async function updateRegion(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<RegionRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('regions').set(changes).where('id', '=', id).execute();
}

export async function removeRegion(db: IdentityExecutor, id: string): Promise<void> {
  await removeAssociations(db, { region_id: id });
  await db.deleteFrom('regions').where('id', '=', id).execute();
}

export async function findService(db: IdentityExecutor, id: string): Promise<ServiceRow | undefined> {
  return db.selectFrom('services').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listServiceRows(
  db: IdentityExecutor,
  filter: Partial<Pick<ServiceRow, 'type' | 'name'>>,
): Promise<ServiceRow[]> {
  let query = db.selectFrom('services').selectAll().orderBy('type').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'type' | 'name', '=', value);
  }
  return query.execute();
}

export async function insertService(db: IdentityExecutor, row: ServiceRow): Promise<void> {
  await db.insertInto('services').values(row).execute();
}

export async function updateService(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<ServiceRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('services').set(changes).where('id', '=', id).execute();
}

/** With its endpoints. */
export async function removeService(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('endpoints').where('service_id', '=', id).execute();
  await removeAssociations(db, { service_id: id });
  await removeLooseTies(db);
  await db.deleteFrom('services').where('id', '=', id).execute();
}

export async function findEndpoint(db: IdentityExecutor, id: string): Promise<EndpointRow | undefined> {
  return db.selectFrom('endpoints').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function listEndpointRows(
  db: IdentityExecutor,
  filter: Partial<Pick<EndpointRow, 'service_id' | 'region_id' | 'interface'>>,
): Promise<EndpointRow[]> {
  let query = db.selectFrom('endpoints').selectAll().orderBy('interface').orderBy('id');
  for (const [column, value] of Object.entries(filter)) {
    query = query.where(column as 'service_id' | 'region_id' | 'interface', '=', value);
  }
  return query.execute();
}

export async function insertEndpoint(db: IdentityExecutor, row: EndpointRow): Promise<void> {
  await db.insertInto('endpoints').values(row).execute();
}

export async function updateEndpoint(
  db: IdentityExecutor,
  id: string,
  changes: Partial<Omit<EndpointRow, 'id'>>,
): Promise<void> {
  if (Object.keys(changes).length === 0) return;
  await db.updateTable('endpoints').set(changes).where('id', '=', id).execute();
}

export async function removeEndpoint(db: IdentityExecutor, id: string): Promise<void> {
  await db.deleteFrom('endpoints').where('id', '=', id).execute();
  await removeAssociations(db, { endpoint_id: id });
  await removeLooseTies(db);
}
