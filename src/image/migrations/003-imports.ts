// Imports: staged data, what an import is doing with an image, and the tasks that carry it out, with their sagas' log.
import type { Migration } from '#platform/sql/migrate.ts';

export const importsMigration: Migration = {
  name: '003-imports',
  up: async (db) => {
    for (const name of ['staged_json', 'import_task', 'importing_to', 'failed_import'])
      await db.schema.alterTable('images').addColumn(name, 'text').execute();
    let tasks = db.schema.createTable('image_tasks').addColumn('id', 'text', (c) => c.primaryKey());
    for (const name of [
      'type',
      'status',
      'owner',
      'user_id',
      'request_id',
      'input_json',
      'plan_json',
      'message',
    ])
      tasks = tasks.addColumn(name, 'text', (c) => c.notNull());
    for (const name of ['image_id', 'result_json', 'expires_at', 'lease'])
      tasks = tasks.addColumn(name, 'text');
    await tasks
      .addColumn('created_at', 'text', (c) => c.notNull())
      .addColumn('updated_at', 'text', (c) => c.notNull())
      .execute();
    await db.schema.createIndex('image_tasks_image').on('image_tasks').column('image_id').execute();
    await db.schema.createIndex('image_tasks_status').on('image_tasks').column('status').execute();
  },
};
