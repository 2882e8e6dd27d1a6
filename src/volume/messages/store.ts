// SQL of the messages that explain failures, for their readers. `operations/owner-message.ts` writes them.
import type { Executor } from '#platform/sql/database.ts';
import type { MessageRow, VolumeTables } from '#volume/tables.ts';

type Db = Executor<VolumeTables>;

export async function listMessages(db: Db, projectId: string): Promise<MessageRow[]> {
  return db.selectFrom('messages').selectAll().where('project_id', '=', projectId).execute();
}

export async function findMessage(db: Db, id: string): Promise<MessageRow | undefined> {
  return db.selectFrom('messages').selectAll().where('id', '=', id).executeTakeFirst();
}

export async function removeMessage(db: Db, id: string): Promise<void> {
  await db.deleteFrom('messages').where('id', '=', id).execute();
}
