/** What a request may carry. Strict: an unknown key is a mistyped one, and would silently not do what was meant. */
import { z } from 'zod';
import { HactlError, namePattern } from '../base/index.js';
import type {
  AddManagerRequest,
  ApplyRequest,
  RemoveManagerRequest,
  SwitchoverRequest,
  TransferRequest,
} from './api-types.js';
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

/** Loosely: the manager that is dialled there says who it is. */
const hostPort = z.string().refine(
  (text) => {
    const port = Number(/^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9][A-Za-z0-9_.-]{0,252}):(\d{1,5})$/.exec(text)?.[1]);
    return port >= 1 && port <= 65_535;
  },
  { error: 'must be host:port, with IPv6 in brackets' },
);

const addManagerBody = z.strictObject({
  id: name,
  rpc: hostPort,
  http: hostPort,
  learner: z.boolean(),
  replaces: name.nullable(),
  dryRun: z.boolean(),
});

const removeManagerBody = z.strictObject({ force: z.boolean(), dryRun: z.boolean() });
const transferBody = z.strictObject({ to: name.nullable(), from: name.nullable(), dryRun: z.boolean() });

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
export const parseAddManagerRequest = (body: unknown): AddManagerRequest => parsed(addManagerBody, body);
export const parseRemoveManagerRequest = (body: unknown): RemoveManagerRequest => parsed(removeManagerBody, body);
export const parseTransferRequest = (body: unknown): TransferRequest => parsed(transferBody, body);
