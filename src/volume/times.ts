// Times as the volume API shows them: no zone, microseconds. Rows hold ISO 8601.
import { InvalidInput } from './errors.ts';

export function shownTime(iso: string): string {
  return `${iso.replace('Z', '').padEnd(23, '0')}000`;
}

export const shownTimeOrNull = (iso: string | null): string | null => (iso === null ? null : shownTime(iso));

export type TimeOperator = '=' | '!=' | '>' | '>=' | '<' | '<=';

const OPERATORS: Readonly<Record<string, TimeOperator>> = {
  eq: '=',
  neq: '!=',
  gt: '>',
  gte: '>=',
  lt: '<',
  lte: '<=',
};

/** `gt:2024-01-01T00:00:00,lt:…` of a query, as comparisons with ISO 8601 text. @throws InvalidInput */
export function readTimeFilter(name: string, text: string): Array<{ operator: TimeOperator; time: string }> {
  return text.split(',').map((part) => {
    const [word = '', ...rest] = part.split(':');
    const operator = Object.hasOwn(OPERATORS, word) ? OPERATORS[word] : undefined;
    const value = rest.join(':');
    const at = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/.test(value) ? value : `${value}Z`);
    if (operator === undefined || Number.isNaN(at))
      throw new InvalidInput(
        `${name} must be times like gt:2024-01-31T00:00:00, and is ${text.slice(0, 255)}.`,
      );
    return { operator, time: new Date(at).toISOString() };
  });
}
