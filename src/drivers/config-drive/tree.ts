// Paths to a tree of directories, with the checks that keep a hostile path off the image. Used by iso9660.ts.

import { ConfigDriveError, type ConfigDriveFiles } from './port.ts';

export type FileNode = { readonly kind: 'file'; readonly name: string; readonly content: Uint8Array };
export type DirectoryNode = {
  readonly kind: 'directory';
  readonly name: string;
  readonly parent: DirectoryNode | undefined;
  readonly children: Map<string, TreeNode>;
};
export type TreeNode = FileNode | DirectoryNode;

/** Joliet holds 64 UCS-2 letters a name, ISO 9660 eight levels of directories. */
const maxNameLetters = 64;
const maxDepth = 8;

export function buildTree(files: ConfigDriveFiles): DirectoryNode {
  const root: DirectoryNode = { kind: 'directory', name: '', parent: undefined, children: new Map() };
  for (const [path, content] of files) {
    const names = path.split('/');
    const fileName = names.pop() ?? '';
    for (const name of [...names, fileName]) checkName(path, name);
    if (names.length >= maxDepth) throw new ConfigDriveError(path, `more than ${maxDepth} levels`);
    const directory = names.reduce((parent, name) => enterDirectory(path, parent, name), root);
    if (directory.children.has(fileName))
      throw new ConfigDriveError(path, 'it is a directory of another path');
    directory.children.set(fileName, { kind: 'file', name: fileName, content: Buffer.from(content) });
  }
  return root;
}

function checkName(path: string, name: string): void {
  if (name === '' || name === '.' || name === '..')
    throw new ConfigDriveError(path, 'a part is empty, "." or ".."');
  if (name.length > maxNameLetters)
    throw new ConfigDriveError(path, `a part is longer than ${maxNameLetters} letters`);
  // Control letters, what Joliet forbids, and letters beyond the 16 bits of UCS-2.
  if (/[\p{Cc}*:;?\\]|[\u{10000}-\u{10ffff}]/u.test(name))
    throw new ConfigDriveError(path, 'a letter is not allowed');
}

function enterDirectory(path: string, parent: DirectoryNode, name: string): DirectoryNode {
  const present = parent.children.get(name);
  if (present?.kind === 'directory') return present;
  if (present !== undefined) throw new ConfigDriveError(path, `${name} is a file of another path`);
  const made: DirectoryNode = { kind: 'directory', name, parent, children: new Map() };
  parent.children.set(name, made);
  return made;
}

/** All directories, parents before children and level by level: the order that a path table asks for. */
export function listDirectories(root: DirectoryNode): DirectoryNode[] {
  const found: DirectoryNode[] = [root];
  // The list grows while it is walked.
  for (const directory of found) {
    for (const child of directory.children.values()) if (child.kind === 'directory') found.push(child);
  }
  return found;
}
