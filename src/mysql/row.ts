/** Reading rows whose types depend on server version and driver options: everything is asked for by what it must be. */

export type Row = Readonly<Record<string, unknown>>;

export class BadRow extends Error {
  constructor(column: string, wanted: string) {
    super(`the server's answer has no ${wanted} in column ${column}`);
    this.name = 'BadRow';
  }
}

export function text(row: Row, column: string): string {
  const value = row[column];
  if (value === null || value === undefined) return '';
  if (typeof value === 'string') return value;
  if (typeof value === 'number' || typeof value === 'bigint') return String(value);
  throw new BadRow(column, 'text');
}

export function count(row: Row, column: string): number {
  const value = countOrNull(row, column);
  if (value === null) throw new BadRow(column, 'number');
  return value;
}

export function countOrNull(row: Row, column: string): number | null {
  const value = row[column];
  if (value === null || value === undefined || value === '') return null;
  const parsed = Number(value);
  if (!Number.isFinite(parsed)) throw new BadRow(column, 'number');
  return parsed;
}

/** Booleans come as 0/1, ON/OFF or Yes/No. */
export function isOn(value: unknown): boolean {
  const word = String(value ?? '').toUpperCase();
  return word === '1' || word === 'ON' || word === 'YES' || word === 'TRUE';
}

/** GTID sets come with line breaks; without white space two equal answers are equal texts. */
export const gtidText = (row: Row, column: string): string => text(row, column).replace(/\s+/g, '');
