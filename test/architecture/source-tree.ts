// The source tree as the architecture tests read it: files, their text and their imports.
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface SourceFile {
  /** From the repository's root: `src/compute/servers/store.ts`. */
  readonly path: string;
  readonly text: string;
  /** Without comments, so that rules about code do not match prose. Strings are kept. */
  readonly code: string;
  /** Files of the repository that it imports, as paths from the root, and packages by name. */
  readonly imports: readonly string[];
  readonly isTest: boolean;
}

export function readTree(): SourceFile[] {
  return globSync('{src,test,bench,bin}/**/*.ts', { cwd: ROOT })
    .toSorted()
    .map((path) => {
      const text = readFileSync(join(ROOT, path), 'utf8');
      const code = text.replaceAll(/\/\*[\s\S]*?\*\/|(^|\s)\/\/.*$/gm, '');
      return { path, text, code, imports: importsOf(path, code), isTest: isTest(path) };
    });
}

function isTest(path: string): boolean {
  return /^(?:test|bench)\/|\.test\.ts$|\/testing\/|\/test-support\//.test(path);
}

function importsOf(path: string, code: string): string[] {
  const specifiers = [...code.matchAll(/\b(?:from|import)\s*\(?\s*'([^']+)'/g)].map(
    (match) => match[1] ?? '',
  );
  return specifiers.map((specifier) => {
    if (specifier.startsWith('.')) return normalize(join(dirname(path), specifier));
    if (specifier.startsWith('#test/')) return specifier.slice(1);
    return specifier.startsWith('#') ? `src/${specifier.slice(1)}` : specifier;
  });
}
