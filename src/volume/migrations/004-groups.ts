// Groups of volumes: their types, their members, and snapshots of whole groups.
import type { Migration } from '#platform/sql/migrate.ts';

export const groupMigration: Migration = {
  name: '004-groups',
  up: async (db) => {
    const table = async (name: string, notNull: readonly string[], nullable: readonly string[] = []) => {
      let builder = db.schema.createTable(name).addColumn('id', 'text', (c) => c.primaryKey());
      for (const column of notNull) builder = builder.addColumn(column, 'text', (c) => c.notNull());
      for (const column of nullable) builder = builder.addColumn(column, 'text');
      return builder;
    };
    const pairs = async (
      name: string,
      [left, right]: readonly [string, string],
      more: readonly string[] = [],
    ) => {
      let builder = db.schema
        .createTable(name)
        .addColumn(left, 'text', (c) => c.notNull())
        .addColumn(right, 'text', (c) => c.notNull())
        .addPrimaryKeyConstraint(`${name}_pk`, [left, right] as never);
      for (const column of more) builder = builder.addColumn(column, 'text', (c) => c.notNull());
      await builder.execute();
    };
    const types = await table('group_types', ['name', 'created_at'], ['description', 'updated_at']);
    await types.addColumn('is_public', 'bigint', (c) => c.notNull()).execute();
    await db.schema.createIndex('group_types_name').on('group_types').column('name').unique().execute();
    await pairs('group_type_specs', ['group_type_id', 'key'], ['value']);
    const owned = ['project_id', 'user_id', 'request_id', 'status', 'group_type_id', 'created_at'];
    const told = ['name', 'description', 'fault', 'updated_at'];
    await (
      await table(
        'volume_groups',
        [...owned, 'availability_zone'],
        [...told, 'group_snapshot_id', 'source_group_id'],
      )
    ).execute();
    await (await table('group_snapshots', [...owned, 'group_id'], told)).execute();
    await pairs('group_volume_types', ['group_id', 'volume_type_id']);
    await pairs('group_members', ['group_id', 'volume_id']);
    await pairs('group_snapshot_members', ['group_snapshot_id', 'snapshot_id']);
    for (const [name, column] of [
      ['group_members', 'volume_id'],
      ['group_snapshot_members', 'snapshot_id'],
    ] as const)
      // a volume is in one group at most
      await db.schema.createIndex(`${name}_${column}`).on(name).column(column).unique().execute();
    for (const name of ['volume_groups', 'group_snapshots'])
      await db.schema
        .createIndex(`${name}_project_id`)
        .on(name)
        .columns(['project_id', 'created_at'])
        .execute();
  },
};
