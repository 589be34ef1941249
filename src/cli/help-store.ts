/** The longer texts of `--help` for the store of a stopped manager. */
export const storeText = {
  verify: `
Looks at a copy, by the same audit that a start makes. Refused (exit 6) while a manager runs on DIR: what is copied
beside a running manager may be torn.

Verdict and exit code:
  sound              0
  cut: N entries     0  of a last write that nobody was told of: a start cuts them off and goes on
  refused            6  a recovery was begun and not finished
  faulted            3  something acknowledged is lost: the manager would not start

Examples:
  hactl debug verify-store --config /etc/hactl/manager.yaml
  hactl debug verify-store /backup/hactl-m1 --json
`,
  dump: `
One line for each entry: index, term, time, what it says, and [session serial] of who asked. Secrets are never in the
log; it holds references to them. Of a damaged store, what comes before the damage is printed, and the exit code is 3.

Examples:
  hactl debug dump-log --config /etc/hactl/manager.yaml --from 1200
  hactl debug dump-log /backup/hactl-m1 --snapshot --json
`,
  recover: `
Only when a majority of the managers can never come back. First run it with --dry-run on every survivor, and recover the
one with the highest last term, then the highest last index. What only the lost managers knew is lost.
Afterwards the managers of before are strangers: stop them, and never start them again.

It says what it will do, asks for the cluster id to be typed, keeps a copy of the store, and may be run again whenever
it was interrupted. docs/managers-recovery.md tells the whole way, step by step.

Examples:
  hactl managers recover --config /etc/hactl/manager.yaml --cluster-id prod-mysql --dry-run
  hactl managers recover --config /etc/hactl/manager.yaml --cluster-id prod-mysql
`,
} as const;
