// Whether a path fits the pattern of an application credential's access rule: `*` and `{name}` stand for one segment or a
// part of it, `**` for anything. Users write the patterns, so matching takes time in proportion to both lengths.

type Piece = { readonly kind: 'text'; readonly text: string } | { readonly kind: 'segment' | 'any' };

export function pathFits(pattern: string, path: string): boolean {
  let ends = new Set([0]); // how much of the path the pieces so far may have taken
  for (const piece of piecesOf(pattern)) {
    ends = piece.kind === 'text' ? afterText(ends, piece.text, path) : afterWildcard(ends, piece.kind, path);
    if (ends.size === 0) return false;
  }
  return ends.has(path.length);
}

function piecesOf(pattern: string): Piece[] {
  return pattern
    .split(/(\*\*|\*|\{[^{}/]*\})/)
    .filter((part) => part !== '')
    .map((part) => {
      if (part === '**') return { kind: 'any' };
      return part === '*' || /^\{[^{}/]*\}$/.test(part) ? { kind: 'segment' } : { kind: 'text', text: part };
    });
}

function afterText(ends: ReadonlySet<number>, text: string, path: string): Set<number> {
  return new Set([...ends].filter((at) => path.startsWith(text, at)).map((at) => at + text.length));
}

function afterWildcard(ends: ReadonlySet<number>, kind: 'segment' | 'any', path: string): Set<number> {
  const after = new Set<number>();
  let open = false;
  for (let at = 0; at <= path.length; at++) {
    if (ends.has(at)) open = true;
    if (open) after.add(at);
    if (kind === 'segment' && path[at] === '/') open = false;
  }
  return after;
}
