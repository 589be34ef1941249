export { type FenceWords, type LogLine } from './action-lock.js';
export { look, openActionSession, type ActionSessionOptions, type MysqlActionSession } from './action-session.js';
export { grantStatements, requiredGrants, type RequiredGrant } from './grants.js';
export { createProber, type Prober, type ProberOptions } from './probe.js';
export { type SourceWords } from './receiver.js';
