/**
 * One cluster as declared in clusters.yaml: checked, every default filled in, secrets still references. This is what
 * `apply` replicates; `config` makes it, `ha` reads it.
 */
import type { ServerName } from '../base/index.js';

/** Where a secret is, never the secret itself: `file:/path` or `env:NAME`. */
export type SecretRef = string;

export type CandidatePolicy = 'prefer' | 'allow' | 'never';

export interface ServerSpec {
  readonly name: ServerName;
  readonly host: string;
  readonly port: number;
  readonly zone: string | null;
  readonly candidate: CandidatePolicy;
}

export interface ClusterSpec {
  /** In the order of the file: the last tie-break of the choice. */
  readonly servers: readonly ServerSpec[];
  readonly mysql: { readonly user: string; readonly password: SecretRef };
  readonly replication: { readonly user: string; readonly password: SecretRef };
  readonly durability: 'async';
  readonly detection: {
    readonly intervalMs: number;
    /** How long a refused port must last before it is a suspicion to confirm. */
    readonly confirmMs: number;
    /** Deadline of one probe. */
    readonly probeTimeoutMs: number;
  };
  readonly fencing: { readonly policy: 'best-effort' | 'required' };
  readonly switchover: { readonly maxPauseMs: number };
}
