export { formatHostPort, parseHostPort } from './address.js';
export {
  parseClustersConfig,
  requireClusterSecrets,
  resolvePrimaries,
  reviewClusterSecrets,
} from './clusters-config.js';
export type { SecretReview } from './clusters-config.js';
export { formatDuration, parseDuration } from './duration.js';
export { loadManagerConfig, logLevels, parseManagerConfig, readConfigFile } from './manager-config.js';
export type { LoadedManagerConfig, LogLevel, ManagerAddresses, ManagerConfig } from './manager-config.js';
export { nodeSecretSource, resolveSecret } from './secrets.js';
export type { ResolvedSecret, SecretSource } from './secrets.js';
