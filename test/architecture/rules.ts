// The house rules that no linter holds: each finds the files that break it. Exceptions are data, in exceptions.json.
import { basename } from 'node:path';
import type { SourceFile } from './source-tree.ts';

export interface Rule {
  readonly name: string;
  /** What to do instead, for whom the test stops. */
  readonly mend: string;
  /** What breaks it: paths, with ` -> what` where one file can break it in several ways. */
  readonly find: (tree: readonly SourceFile[]) => string[];
}

const SERVICES = ['identity', 'compute', 'placement', 'image', 'network', 'volume'];

/** Lower may not import higher. */
const LAYERS: Readonly<Record<string, number>> = {
  platform: 0,
  drivers: 1,
  identity: 2,
  compute: 2,
  placement: 2,
  image: 2,
  network: 2,
  volume: 2,
  cloud: 3,
  sim: 3, // `cloud` puts the simulated world together, `sim` the whole cloud: both may see everything
  cli: 4,
};

const folderOf = (path: string): string | undefined => /^src\/([^/]+)\//.exec(path)?.[1];
const product = (tree: readonly SourceFile[]): SourceFile[] =>
  tree.filter((file) => file.path.startsWith('src/') && !file.isTest);

function matching(pattern: RegExp, where: (file: SourceFile) => boolean): Rule['find'] {
  return (tree) => tree.filter((file) => where(file) && pattern.test(file.code)).map((file) => file.path);
}

function badImports(refuses: (from: string, to: string) => boolean): Rule['find'] {
  return (tree) =>
    product(tree).flatMap((file) =>
      file.imports
        .filter((target) => refuses(file.path, target))
        .map((target) => `${file.path} -> ${target}`),
    );
}

/** The one exception by design: a claim commits in the transaction that decides the host. */
const SHARED_CLAIM = 'src/placement/claim.ts';

export const RULES: readonly Rule[] = [
  {
    name: 'lower layers import no higher ones',
    mend: 'bin → cloud, cli → services → drivers → platform; pass what is needed in, or move it down',
    find: badImports((from, to) => {
      const [lower, higher] = [folderOf(from), folderOf(to)];
      return lower !== undefined && higher !== undefined && (LAYERS[lower] ?? 9) < (LAYERS[higher] ?? 9);
    }),
  },
  {
    name: 'a service never imports another',
    mend: 'call it through #platform/clients/<service>.ts',
    find: badImports((from, to) => {
      const [own, other] = [folderOf(from) ?? '', folderOf(to) ?? ''];
      if (own === 'compute' && to === SHARED_CLAIM) return false;
      return own !== other && SERVICES.includes(own) && SERVICES.includes(other);
    }),
  },
  {
    name: 'the OVSDB, libvirt and NBD clients know nothing of the rest',
    mend: 'they are libraries: pass what they need in',
    find: badImports((from, to) => {
      const home = /^src\/platform\/(?:ovsdb|libvirt|nbd)\//.exec(from)?.[0];
      return home !== undefined && to.startsWith('src/') && !to.startsWith(home);
    }),
  },
  {
    name: 'product code imports no test',
    mend: 'move what both need beside the code',
    find: badImports((_, to) => /^test\/|\.test\.ts$|\/testing\//.test(to)),
  },
  {
    name: 'only a store names tables',
    mend: "put the statement into the resource's store.ts (or a <what>-store.ts)",
    find: matching(
      /\.(?:selectFrom|insertInto|updateTable|deleteFrom)\(/,
      ({ path, isTest }) => path.startsWith('src/') && !isTest && !/(?:^|[/-])store\.ts$/.test(path),
    ),
  },
  {
    name: 'only supervisors and drivers start processes',
    mend: 'use platform/supervise, or put it into a driver',
    find: matching(
      /'node:child_process'/,
      ({ path, isTest }) =>
        path.startsWith('src/') && !isTest && !/^src\/(?:platform\/supervise|drivers)\//.test(path),
    ),
  },
  {
    name: 'only config.ts reads the environment',
    mend: 'read it in config.ts and pass the value on',
    find: matching(
      /\bprocess\.env\b/,
      ({ path, isTest }) => path.startsWith('src/') && !isTest && basename(path) !== 'config.ts',
    ),
  },
  {
    name: 'nothing ends the process in the middle',
    mend: 'set process.exitCode and let what is open close',
    find: matching(/\bprocess\.exit\(/, ({ path, isTest }) => path.startsWith('src/') && !isTest),
  },
  {
    name: 'no default exports',
    mend: 'name it',
    find: matching(/^export default\b/m, () => true),
  },
  {
    name: 'no names that say nothing',
    mend: 'name the file or folder after what it holds',
    find: (tree) =>
      tree
        .map((file) => file.path)
        .filter((path) => /(?:^|[/-])(?:utils?|common|helpers?|manager)(?:[/.-]|$)/.test(path)),
  },
  {
    name: 'files are named in kebab-case',
    mend: 'rename it; the file of an action is named as its key',
    find: (tree) =>
      tree
        .map((file) => file.path)
        .filter(
          (path) =>
            !/\/actions\//.test(path) &&
            !/^[a-z0-9]+(?:-[a-z0-9]+)*(?:\.(?:test|contract\.test|generated))?\.ts$/.test(basename(path)),
        ),
  },
  {
    name: 'each file opens with a comment',
    mend: 'say in one to five lines what it is and who calls it',
    find: (tree) =>
      tree
        .filter((file) => !/^(?:#!.*\n)?(?:\/\/|\/\*)/.test(file.text))
        .map((file) => file.path)
        .filter((path) => !path.endsWith('.test.ts')),
  },
  {
    name: 'nothing is left to be done',
    mend: 'do it, or write an issue',
    find: (tree) =>
      tree
        .filter(
          (file) =>
            !file.path.startsWith('test/architecture/') && /\b(?:TODO|FIXME|XXX|HACK)\b/.test(file.text),
        )
        .map((file) => file.path),
  },
  {
    name: 'files have at most 500 lines',
    mend: 'split it: routes per resource, handlers per verb',
    find: (tree) => tree.filter((file) => file.text.split('\n').length > 501).map((file) => file.path),
  },
];
