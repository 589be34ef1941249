/** The longer texts of `--help`. */
import { urlDefault } from './limits.js';

export const overview = `
Managers:
  --url takes several, separated by commas; any of them answers, and changes reach the leader by themselves.
  Without --url, HACTL_URL is used, then ${urlDefault}.
  Where the managers want a token for changes, put it into HACTL_TOKEN_FILE (a path) or HACTL_TOKEN.

Exit codes:
  0  done                                  5  not found
  1  a bug, or an unexpected failure       6  refused, with reasons; nothing was changed
  2  bad configuration, arguments, secret  7  forbidden: token missing or wrong
  3  the manager's store is damaged        8  the operation was rolled back or is blocked
  4  no quorum, or no manager reachable    9  outcome unknown: look before you try again

With --json, standard output is one JSON document; errors are {"error": {"code", "what", "why", "next"}}.
`;

export const verbText = {
  init: `
Run it once on each manager's host, with the same --cluster-id everywhere: the id keeps managers of different
installations apart. \`hactl manager\` never creates a data directory, so that a lost disk is noticed, not papered over.

A manager that is added to others later is made with --join: its store knows no voters, and the leader tells it who they
are once \`hactl managers add\` has named it. Its manager.yaml must name the others. Where a lost quorum was recovered,
it needs their lineage too; \`hactl managers\` shows it.

Examples:
  hactl init --config /etc/hactl/manager.yaml --cluster-id prod-mysql
  hactl init --config /etc/hactl/manager.yaml --cluster-id prod-mysql --join
  hactl init --config /etc/hactl/manager.yaml --cluster-id prod-mysql --join --lineage 20260110-1a2b3c4d
`,
  manager: `
Runs in the foreground until SIGTERM or SIGINT. Logs are JSON lines on standard output.

Example:
  hactl manager --config /etc/hactl/manager.yaml
`,
  apply: `
FILE (clusters.yaml) is checked by the managers and replaces the whole declaration. Shows what would change and asks.
A cluster that is new must show exactly one writable server that the others follow; otherwise say it with --primary.

Examples:
  hactl apply clusters.yaml --dry-run
  hactl apply clusters.yaml --primary app1=db1 --yes
`,
  status: `
Shows managers, clusters, servers, and what hactl does or why it does nothing.
Exit code 0 means that a manager answered, not that all is well; scripts read --json.
`,
  switchover: `
Moves the primary of a healthy cluster without losing a write. Shows reasons against it and the plan, asks, then shows
each step. If the write pause would last longer than switchover.max_pause, everything is put back as it was (exit 8).
Ending this program does not end the switchover.

Examples:
  hactl switchover app1 --dry-run
  hactl switchover app1 --to db2 --yes
`,
  history: `
Latest first, with the outcome and how long it took. \`hactl show OPERATION\` tells every step.
`,
  show: `
Every step of one operation: when, how long, under which epoch, by which manager, with what result.
`,
} as const;
