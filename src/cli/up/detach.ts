/**
 * `pileus up --detach`: the cloud runs in a process of its own, whose output goes to log/pileus.log. It tells its
 * progress over a channel until it is ready; then the parent leaves.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { explain } from '#cloud/errors.ts';
import { lineProgress, liveProgress } from '#cloud/progress.ts';
import type { Progress } from '#cloud/progress.ts';

type Told =
  | { progress: 'begin' | 'say' | 'at'; step: string; text: string }
  | { progress: 'done' | 'gaveUp'; step: string }
  | { progress: 'failed'; step: string; text: string }
  | { progress: 'undoing' }
  | { ready: string[] }
  | { failed: string };

/** Resolves when it is on its way; the parent may be gone. */
export function tellParent(message: Told): Promise<void> {
  return new Promise((resolve) => {
    if (process.send) process.send(message, () => resolve());
    else resolve();
  });
}

/** In the child: progress goes to the parent, and to the log as lines. */
export function forwardProgress(): Progress {
  const log = lineProgress(process.stdout);
  const tell = (message: Told): void => void tellParent(message);
  return {
    begin: (step, title) => (log.begin(step, title), tell({ progress: 'begin', step, text: title })),
    say: (step, text) => (log.say(step, text), tell({ progress: 'say', step, text })),
    at: (step, detail) => (log.at(step, detail), tell({ progress: 'at', step, text: detail })),
    done: (step) => (log.done(step), tell({ progress: 'done', step })),
    gaveUp: (step) => (log.gaveUp(step), tell({ progress: 'gaveUp', step })),
    failed: (step, error) => (
      log.failed(step, error),
      tell({ progress: 'failed', step, text: explain(error) })
    ),
    undoing: () => (log.undoing(), tell({ progress: 'undoing' })),
    close: () => log.close(),
  };
}

/** In the parent. Throws when the cloud does not come up. */
export async function upDetached(flags: { data: string }): Promise<void> {
  const logs = join(flags.data, 'log');
  mkdirSync(logs, { recursive: true, mode: 0o700 });
  const log = join(logs, 'pileus.log');
  const out = openSync(log, 'a', 0o600);
  const args = process.argv.slice(1).filter((argument) => argument !== '--detach');
  const child = spawn(process.execPath, [...process.execArgv, ...args], {
    detached: true,
    stdio: ['ignore', out, out, 'ipc'],
  });
  const progress = process.stdout.isTTY ? liveProgress(process.stdout) : lineProgress(process.stdout);
  // Until it is ready it is the user's foreground: Ctrl-C ends what was begun.
  const onSignal = (): void => void child.kill('SIGTERM');
  process.on('SIGINT', onSignal);
  try {
    const greeting = await new Promise<string[]>((resolve, reject) => {
      child.on('message', (message: Told) => {
        if ('ready' in message) resolve(message.ready);
        else if ('failed' in message) reject(new Error(message.failed));
        else if ('progress' in message) show(progress, message);
      });
      child.once('error', reject);
      // Comes after the last message, which an exit may overtake.
      child.once('disconnect', () => reject(new Error(`the cloud did not come up; see ${log}`)));
    });
    progress.close();
    for (const line of greeting) console.log(line);
    console.log(`It runs as process ${child.pid}. End it with: pileus down --data ${flags.data}`);
  } finally {
    progress.close();
    process.off('SIGINT', onSignal);
    if (child.connected) child.disconnect();
    child.unref();
  }
}

function show(progress: Progress, told: Extract<Told, { progress: unknown }>): void {
  switch (told.progress) {
    case 'begin':
      return progress.begin(told.step, told.text);
    case 'say':
      return progress.say(told.step, told.text);
    case 'at':
      return progress.at(told.step, told.text);
    case 'done':
      return progress.done(told.step);
    case 'gaveUp':
      return progress.gaveUp(told.step);
    case 'failed':
      return progress.failed(told.step, new Error(told.text));
    case 'undoing':
      return progress.undoing();
  }
}
