/**
 * Reading rows whose types depend on server version and driver options: everything is asked for by what it must be.
 * What is not becomes a BadRow, which its callers turn into a ProbeOutcome or an ActionError: it never leaves this
 * folder.
 */
import { GtidSet } from '../base/index.js';

export type Row = Readonly<Record<string, unknown>>;

/** Enough of an unreadable value to recognise it in a message. */
const excerptChars = 80;

export class BadRow extends Error {
  constructor(column: string, wanted: string, found = '') {
    const shown = found.length > excerptChars ? `${found.slice(0, excerptChars)}...` : found;
    super(`the server's answer has no ${wanted} in column ${column}${shown === '' ? '' : `, but ${shown}`}`);
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

/**
 * GTID sets come with line breaks; without white space two equal answers are equal texts. Parsed once here, since every
 * later reader takes it for granted that facts can be parsed.
 */
export function gtidText(row: Row, column: string): string {
  const given = text(row, column).replace(/\s+/g, '');
  if (GtidSet.tryParse(given) === null) throw new BadRow(column, 'GTID set', given);
  return given;
}

/** A JSON object as a row of its own; an absent one is empty. */
export function jsonRow(row: Row, column: string): Row {
  const json = text(row, column);
  if (json === '') return {};
  let parsed: unknown;
  try {
    parsed = JSON.parse(json);
  } catch {
    throw new BadRow(column, 'JSON object', json);
  }
  if (typeof parsed !== 'object' || parsed === null) throw new BadRow(column, 'JSON object', json);
  return parsed as Row;
}
