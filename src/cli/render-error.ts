/** Errors as a person reads them: what, why, what to do next, and single findings one per line. */
import type { ErrorText } from '../base/index.js';
import type { Paint } from './terminal.js';

export function renderError(error: ErrorText, paint: Paint): string {
  const lines = [`${paint('red', 'error:')} ${error.what}`];
  if (error.why !== undefined) lines.push(`  why:  ${error.why}`);
  for (const detail of error.details ?? []) lines.push(`  - ${detail}`);
  if (error.next !== undefined) lines.push(`  next: ${error.next}`);
  return `${lines.join('\n')}\n`;
}
