/** Runs a cloud in this process: shows progress, greets, and ends it in order on Ctrl-C, SIGTERM or SIGHUP. */
import { assemble } from '#cloud/assemble.ts';
import { explain } from '#cloud/errors.ts';
import { lineProgress, liveProgress } from '#cloud/progress.ts';
import type { Progress } from '#cloud/progress.ts';
import { up } from '#cloud/up.ts';
import type { RunningCloud, UpOptions } from '#cloud/up.ts';
import { forwardProgress, tellParent } from './detach.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

class ToldToEnd extends Error {}

/** Resolves when the cloud has ended. Throws what kept it from coming up. */
export async function upForeground(options: UpOptions): Promise<void> {
  const started = performance.now();
  const end = new AbortController();
  let interrupts = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    // `pileus down` during the end asks for what happens already; only impatience at the keyboard cuts it short.
    if (signal === 'SIGINT' && ++interrupts > 1) {
      // Leave at once. The kernel ends the children; `pileus down` removes the rest.
      process.exit(130);
    }
    end.abort(new ToldToEnd(signal));
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  // Nothing else may hold the process while a simulated cloud waits for its first request.
  const alive = setInterval(() => undefined, 60_000);
  const progress = chooseProgress();
  try {
    const cloud = await up({ ...options, progress, signal: end.signal }, assemble);
    progress.close();
    await greet(cloud, started);
    await aborted(end.signal);
    console.log('\nending the cloud: guests have 10 s to power off; Ctrl-C again leaves at once');
    await cloud.close();
  } catch (error) {
    progress.close();
    if (error instanceof ToldToEnd) return;
    await tellParent({ failed: explain(error) });
    throw error;
  } finally {
    clearInterval(alive);
    for (const signal of SIGNALS) process.off(signal, onSignal);
    if (process.connected) process.disconnect?.();
  }
}

function chooseProgress(): Progress {
  if (process.send) return forwardProgress();
  return process.stdout.isTTY ? liveProgress(process.stdout) : lineProgress(process.stdout);
}

async function greet(cloud: RunningCloud, started: number): Promise<void> {
  const ready = `ready after ${((performance.now() - started) / 1000).toFixed(2)} s; data in ${cloud.data.path}`;
  const greeting = [ready, ...cloud.greeting];
  if (process.send) return tellParent({ ready: greeting });
  for (const line of greeting) console.log(line);
  console.log('Ctrl-C ends it.');
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}
