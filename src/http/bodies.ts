/** What a request may carry. Strict: an unknown key is a mistyped one, and would silently not do what was meant. */
import { z } from 'zod';
import { HactlError, namePattern } from '../base/index.js';
import type { ApplyRequest, SwitchoverRequest } from './api-types.js';
import { limits } from './limits.js';

const name = z.string().regex(namePattern, { error: 'must be a name' });
const requestId = z
  .string()
  .regex(new RegExp(`^[A-Za-z0-9_-]{${limits.requestIdCharsMin},${limits.requestIdCharsMax}}$`), {
    error: `must be ${limits.requestIdCharsMin} to ${limits.requestIdCharsMax} letters, digits, "_" or "-"`,
  });

const applyBody = z.strictObject({
  config: z.string(),
  // The empty key: the only cluster of the file.
  primaries: z.record(z.union([name, z.literal('')]), name),
  dryRun: z.boolean(),
  requestId,
});

const switchoverBody = z.strictObject({ to: name.nullable(), dryRun: z.boolean(), requestId });

function parsed<T>(schema: z.ZodType<T>, body: unknown): T {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new HactlError({
    code: 'bad-request',
    what: 'the body of the request is not what this path takes',
    details: result.error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`),
  });
}

export const parseApplyRequest = (body: unknown): ApplyRequest => parsed(applyBody, body);
export const parseSwitchoverRequest = (body: unknown): SwitchoverRequest => parsed(switchoverBody, body);
