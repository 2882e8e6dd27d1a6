// Which test files had which operation succeed, from tested-by.txt: written by `pileus test --record-coverage`, read by
// join.ts. A line is an operation and its files: `compute GET /v2.1/servers/:id: src/compute/create-path.test.ts …`.
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT, SERVICES } from './collect.ts';
import { keyOf, withoutProject, type Operation } from './operation.ts';

const FILE = join(ROOT, 'src/cli/api-index/tested-by.txt');
const HEAD = `# The test files in which an operation succeeded (2xx or 3xx), by operation.
# Written by \`./pileus test --record-coverage FILE…\`, which replaces what the files that ran had before.
`;

/** By `keyOf`: the files, from the repository's root. */
export type TestedBy = ReadonlyMap<string, ReadonlySet<string>>;

export function readTestedBy(): TestedBy {
  if (!existsSync(FILE)) return new Map();
  const tested = new Map<string, Set<string>>();
  for (const line of readFileSync(FILE, 'utf8').split('\n')) {
    const [key, files] = line.startsWith('#') ? [] : line.split(': ');
    if (key !== undefined && files !== undefined) tested.set(key, new Set(files.split(' ')));
  }
  return tested;
}

/** @throws Error when the file's line is no operation's */
export function operationOfKey(key: string): Operation {
  const operation = parseOperation(key);
  if (!operation) throw new Error(`tested-by.txt has a line that is no operation's: ${key}`);
  return operation;
}

/** @param name as test/support/record-operations.ts writes it: service, method, path, and the action if there is one */
export function parseOperation(name: string): Operation | undefined {
  const [word, method, path, action] = name.split(' ');
  const service = SERVICES.find((each) => each === word);
  if (service === undefined || method === undefined || path === undefined) return undefined;
  return { service, method, path: service === 'volume' ? withoutProject(path) : path, action };
}

/** What a test file had succeed. */
export interface Ran {
  readonly operations: readonly Operation[];
  /** Whether all of its tests ran: what is not among them any longer is forgotten. */
  readonly isWhole: boolean;
}

/** What was known, and what the files that ran had succeed. */
export function mergeRecords(known: TestedBy, ran: ReadonlyMap<string, Ran>): TestedBy {
  const merged = new Map<string, Set<string>>();
  const add = (key: string, file: string): void => {
    const files = merged.get(key) ?? new Set();
    merged.set(key, files.add(file));
  };
  for (const [key, files] of known) for (const file of files) if (!ran.get(file)?.isWhole) add(key, file);
  for (const [file, { operations }] of ran) for (const operation of operations) add(keyOf(operation), file);
  return merged;
}

export function withoutLostFiles(tested: TestedBy): TestedBy {
  const kept = [...tested].map(
    ([key, files]) => [key, new Set([...files].filter((file) => existsSync(join(ROOT, file))))] as const,
  );
  return new Map(kept.filter(([, files]) => files.size > 0));
}

export function writeTestedBy(tested: TestedBy): void {
  const lines = [...tested].map(([key, files]) => `${key}: ${[...files].toSorted().join(' ')}`).toSorted();
  writeFileSync(FILE, `${HEAD}\n${lines.join('\n')}\n`);
}
