// The upstream rule language: `role:admin or (rule:owner and not is_admin:False) or project_id:%(project_id)s`, `@`, `!`.
// Source of the grammar: the oslo.policy documentation. Parsed once, then evaluated without allocation.

export type Rule =
  | { readonly kind: 'always' }
  | { readonly kind: 'never' }
  | { readonly kind: 'and' | 'or'; readonly rules: readonly Rule[] }
  | { readonly kind: 'not'; readonly rule: Rule }
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'role'; readonly role: string }
  | { readonly kind: 'match'; readonly left: string; readonly right: string };

/** Raised for text that is no rule; the message shows where. */
export class PolicySyntaxError extends Error {
  constructor(text: string, detail: string) {
    super(`policy rule "${text}": ${detail}`);
    this.name = 'PolicySyntaxError';
  }
}

/** An empty rule always passes, as upstream. */
export function parseRule(text: string): Rule {
  const tokens = tokensOf(text);
  if (tokens.length === 0) return { kind: 'always' };
  const parser = new Parser(text, joinQuoted(tokens));
  return parser.parse();
}

/** Every character belongs to a token or is white space: a stray quote must not vanish from an operator's rule. */
function tokensOf(text: string): string[] {
  const token = /\s+|([()]|"[^"]*"|'[^']*'|%\([^)]*\)s|(?:[^\s()"'%]|%\([^)]*\)s|%)+)/y;
  const tokens: string[] = [];
  while (token.lastIndex < text.length) {
    const at = token.lastIndex;
    const match = token.exec(text);
    if (!match) throw new PolicySyntaxError(text, `a quote is not closed at "${text.slice(at)}"`);
    if (match[1] !== undefined) tokens.push(match[1]);
  }
  return tokens;
}

/** `'literal':%(target)s` is one check though it begins with a quote. */
function joinQuoted(tokens: readonly string[]): string[] {
  const joined: string[] = [];
  for (const token of tokens) {
    const last = joined.at(-1);
    const continues =
      last !== undefined &&
      last !== '(' &&
      (/^["'].*["']$/.test(last) ? token.startsWith(':') : last.endsWith(':') && /^["'%]/.test(token));
    if (continues) joined[joined.length - 1] = last + token;
    else joined.push(token);
  }
  return joined;
}

class Parser {
  readonly #text: string;
  readonly #tokens: readonly string[];
  #at = 0;

  constructor(text: string, tokens: readonly string[]) {
    this.#text = text;
    this.#tokens = tokens;
  }

  parse(): Rule {
    const rule = this.#or();
    if (this.#at < this.#tokens.length)
      throw new PolicySyntaxError(this.#text, `unexpected "${this.#tokens[this.#at]}"`);
    return rule;
  }

  #or(): Rule {
    const rules = [this.#and()];
    while (this.#take('or')) rules.push(this.#and());
    return rules.length === 1 ? rules[0]! : { kind: 'or', rules }; // just pushed
  }

  #and(): Rule {
    const rules = [this.#not()];
    while (this.#take('and')) rules.push(this.#not());
    return rules.length === 1 ? rules[0]! : { kind: 'and', rules }; // just pushed
  }

  #not(): Rule {
    return this.#take('not') ? { kind: 'not', rule: this.#not() } : this.#atom();
  }

  #atom(): Rule {
    const token = this.#tokens[this.#at++];
    if (token === undefined) throw new PolicySyntaxError(this.#text, 'ends too early');
    if (token === '(') {
      const rule = this.#or();
      if (!this.#take(')')) throw new PolicySyntaxError(this.#text, 'a parenthesis is not closed');
      return rule;
    }
    if (token === '@') return { kind: 'always' };
    if (token === '!') return { kind: 'never' };
    const colon = token.indexOf(':');
    if (colon < 1) throw new PolicySyntaxError(this.#text, `"${token}" is no check of the form kind:match`);
    const left = token.slice(0, colon);
    const right = token.slice(colon + 1);
    if (right === '') throw new PolicySyntaxError(this.#text, `"${token}" names nothing to compare with`);
    if (left === 'http' || left === 'https')
      throw new PolicySyntaxError(this.#text, 'checks by a remote server are not offered');
    if (left === 'rule') return { kind: 'rule', name: right };
    if (left === 'role') return { kind: 'role', role: right.toLowerCase() };
    return { kind: 'match', left, right };
  }

  #take(word: string): boolean {
    if (this.#tokens[this.#at]?.toLowerCase() !== word) return false;
    this.#at += 1;
    return true;
  }
}
