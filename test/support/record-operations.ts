// Writes down which operations succeed in this process, one line each, into the directory RECORD_OPERATIONS. Loaded by
// `--import` into every process of a test file that `pileus test --record-coverage` runs, also into the clouds it starts;
// src/cli/test/record.ts reads the lines.
import { subscribe } from 'node:diagnostics_channel';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { ANSWERED, type Answered } from '../../src/platform/http/answered.ts';

const directory = process.env['RECORD_OPERATIONS'];

if (directory !== undefined) {
  const seen = new Set<string>();
  subscribe(ANSWERED, (message) => {
    const { service, method, path, action, status } = message as Answered;
    const line = [service, method, path, ...(action === undefined ? [] : [action])].join(' ');
    if (status >= 400 || seen.has(line)) return;
    seen.add(line);
    // At once: some of these processes are killed.
    appendFileSync(join(directory, `${process.pid}.txt`), `${line}\n`);
  });
}
