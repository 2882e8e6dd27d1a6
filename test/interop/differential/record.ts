// Records what a cloud answers: `node test/interop/differential/record.ts [--to DIR] [service…]` with OS_AUTH_URL,
// OS_USERNAME, OS_PASSWORD and OS_PROJECT_NAME. Without --to the answers become what this cloud is compared with.
import { mkdir, writeFile } from 'node:fs/promises';
import { env } from 'node:process';
import { parseArgs } from 'node:util';
import { answersPath } from './compare.ts';
import { listServices, readConversation } from './conversation.ts';
import { layGround } from './ground.ts';
import { speak } from './speaker.ts';

const PATIENCE_MS = 300_000; // a real cloud boots guests meanwhile

const { values, positionals } = parseArgs({ options: { to: { type: 'string' } }, allowPositionals: true });
if (values.to !== undefined) await mkdir(values.to, { recursive: true });
const cloud = {
  authUrl: needed('OS_AUTH_URL'),
  username: needed('OS_USERNAME'),
  password: needed('OS_PASSWORD'),
  project: needed('OS_PROJECT_NAME'),
};
for (const service of positionals.length > 0 ? positionals : await listServices()) {
  const conversation = await readConversation(service);
  const answers = await speak(await layGround(cloud), conversation, PATIENCE_MS, (line) =>
    console.error(line),
  );
  await writeFile(answersPath(service, values.to), `${JSON.stringify(answers, undefined, 1)}\n`);
  console.log(`${service}: ${Object.keys(answers).length} answers`);
}

function needed(name: string): string {
  const value = env[name];
  if (!value) throw new Error(`${name} is not set: say which cloud, and as whom`);
  return value;
}
