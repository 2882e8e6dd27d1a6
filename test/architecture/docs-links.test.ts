// Holds the documents to the tree: every relative link, every path of the tree and every command and option that a document
// names must exist. What is renamed or removed in the code thus turns up here, not in front of a reader.
import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { program } from '#cli/main.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'src/**/*.md'], { cwd: ROOT }).toSorted();

const textOf = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
const withoutFences = (text: string): string => text.replaceAll(/^```[\s\S]*?^```/gm, '');

/** Anchors as code hosts make them: lower case, punctuation dropped, blanks to dashes. */
function anchorsOf(text: string): Set<string> {
  const headings = withoutFences(text).matchAll(/^#{1,6} +(.+)$/gm);
  return new Set(
    [...headings].map(([, heading = '']) =>
      heading
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
        .trim()
        .replaceAll(' ', '-'),
    ),
  );
}

function linksOf(text: string): string[] {
  const plain = withoutFences(text);
  const markdown = [...plain.matchAll(/\]\(<?([^)\s>]+)>?(?: "[^"]*")?\)/g)].map(([, target = '']) => target);
  const html = [...plain.matchAll(/\b(?:src|srcset|href)="([^"\s]+)"/g)].map(([, target = '']) => target);
  return [...markdown, ...html].filter((target) => !/^[a-z][a-z+.-]*:/i.test(target));
}

function brokenLinks(path: string): string[] {
  const text = textOf(path);
  return linksOf(text).flatMap((target) => {
    const [file = '', anchor] = target.split('#');
    const at = file === '' ? path : join(dirname(path), decodeURIComponent(file));
    if (!existsSync(join(ROOT, at))) return [`${path}: ${target}`];
    if (anchor === undefined || !at.endsWith('.md')) return [];
    return anchorsOf(textOf(at)).has(anchor) ? [] : [`${path}: ${target} (no such heading)`];
  });
}

/** Paths of the tree in running text and code: `src/compute/rpc.ts`, `docs/img/`. Those with <gaps> or * end there. */
function missingPaths(path: string): string[] {
  const named = textOf(path).matchAll(/(?<![\w./#-])(?:src|test|bench|bin|docs)\/[\w./-]*/g);
  return [...named]
    .map(([name]) => name.replace(/[.]+$/, ''))
    .filter((name) => !existsSync(join(ROOT, name)) && !isPrefix(name, path))
    .map((name) => `${path}: ${name}`);
}

/** `src/compute/scheduler/fil*` stops at the star: the rest of the name may be anything there. */
function isPrefix(name: string, path: string): boolean {
  const followed = textOf(path).includes(`${name}*`) || textOf(path).includes(`${name}<`);
  return followed && existsSync(join(ROOT, dirname(name)));
}

function unknownCommands(path: string): string[] {
  const commands = new Map(program().commands.map((command) => [command.name(), command]));
  const used = textOf(path).matchAll(/(?:\.\/|`)pileus ([a-z][a-z-]*)([^\n`#|]*)/g);
  return [...used].flatMap(([, name = '', rest = '']) => {
    const command = commands.get(name);
    if (!command) return [`${path}: pileus ${name}`];
    return [...rest.matchAll(/(?<!\S)--([a-z-]+)/g)]
      .filter(([, option = '']) => !hasOption(command, option))
      .map(([, option = '']) => `${path}: pileus ${name} --${option}`);
  });
}

const hasOption = (command: Command, name: string): boolean =>
  name === 'help' || command.options.some((option) => option.long === `--${name}`);

test('every relative link of a document leads somewhere', () => {
  assert.deepEqual(DOCUMENTS.flatMap(brokenLinks), []);
});

test('every path of the tree that a document names exists', () => {
  assert.deepEqual(DOCUMENTS.flatMap(missingPaths), []);
});

test('every command and option that a document names exists', () => {
  assert.deepEqual(DOCUMENTS.flatMap(unknownCommands), []);
});

test('every page of docs can be reached from the README', () => {
  const reached = new Set<string>();
  const visit = (path: string): void => {
    if (reached.has(path)) return;
    reached.add(path);
    for (const target of linksOf(textOf(path))) {
      const at = join(dirname(path), target.split('#')[0] ?? '');
      if (at.endsWith('.md') && existsSync(join(ROOT, at)) && statSync(join(ROOT, at)).isFile()) visit(at);
    }
  };
  visit('README.md');
  assert.deepEqual(
    DOCUMENTS.filter((path) => path.startsWith('docs/') && !reached.has(path)),
    [],
  );
});
