import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lineProgress, liveProgress } from './progress.ts';
import type { Progress } from './progress.ts';

function scenario(
  make: (out: { write(text: string): void; columns: number }, clock: () => number) => Progress,
): string {
  let now = 0;
  let text = '';
  const out = { columns: 40, write: (more: string) => void (text += more) };
  const progress = make(out, () => now);
  progress.begin('db', 'Databases');
  progress.begin('vs', 'A switch with quite a long name for a line');
  progress.say('vs', 'it is slow here');
  progress.at('vs', 'said\x1b[2J something');
  progress.at('vs', 'said\x1b[2J more at once');
  now = 120;
  progress.done('db');
  now = 12_300;
  progress.failed('vs', new Error('no device', { cause: new Error('ENOENT') }));
  progress.undoing();
  progress.close();
  return text;
}

test('a log gets plain lines with times', () => {
  assert.deepEqual(scenario(lineProgress).split('\n'), [
    'A switch with quite a long name for a line: it is slow here',
    'A switch with quite a long name for a line: said [2J something',
    'done Databases (0.12 s)',
    'FAILED A switch with quite a long name for a line (12.3 s): no device: ENOENT',
    'ending what was started',
    '',
  ]);
});

test('a terminal shows what lasts once, fits its width, and is not driven by what programs print', () => {
  const text = scenario(liveProgress);
  assert.ok(!text.includes('\x1b[2J'));
  const screen = render(text);
  assert.deepEqual(screen, [
    'A switch with quite a long name for a line: it is slow here',
    '✓ Databases  0.12 s',
    '✗ A switch with quite a long name for a line  12.3 s',
    '  no device: ENOENT',
    'ending what was started',
  ]);
  const running = text.split('\n').filter((line) => /[⠋⠙]/.test(line));
  assert.ok(running.length > 0);
});

/** What stays on the screen: cursor-up-and-clear removes lines, colours are dropped. */
function render(text: string): string[] {
  const lines: string[] = [];
  // oxlint-disable-next-line no-control-regex -- escape sequences are what is interpreted
  for (const part of text.split(/(\x1b\[\d+A\x1b\[J|\n)/)) {
    // oxlint-disable-next-line no-control-regex -- as above
    const up = /^\x1b\[(\d+)A/.exec(part);
    if (up) lines.length -= Number(up[1]);
    // oxlint-disable-next-line no-control-regex -- as above
    else if (part !== '\n' && part !== '') lines.push(part.replace(/\x1b\[\d+m/g, ''));
  }
  return lines;
}
