/** The longer texts of `hactl managers VERB --help`. */
export const managersText = {
  managers: `
Without a verb: list. Changes show a plan and what is risky about it, and ask. 3 voters tolerate 1 loss, 5 tolerate 2.
docs/managers.md tells how to grow, how to replace a dead manager, and how to upgrade.
`,
  list: `
part: voters elect the leader and commit; learners only receive the log. log: how far each is behind the leader.
store: the beginning of its data directory's id. The whole answer, as a script reads it: --json.
`,
  add: `
First make its store (\`hactl init --config manager.yaml --cluster-id ID --join\`) and start it; or add it first, it
catches up when it comes. Returns when it votes (exit 0). When that takes too long: exit 9, and it goes on by itself.
Adding one that is there already with the same facts changes nothing (exit 0).

Examples:
  hactl managers add m4 --rpc 10.91.1.4:7400 --http 10.91.1.4:7401
  hactl managers add m5 --rpc 10.91.1.5:7400 --http 10.91.1.5:7401 --replaces m2 --yes
`,
  remove: `
Refused (exit 6) when the voters that remain and answer would be no majority. A leader hands over before it is removed.
The removed manager's process ends by itself with exit code 3. Removing one that is gone changes nothing (exit 0).

Example:
  hactl managers remove m5 --dry-run
`,
  transfer: `
Before work on the leader's host. Nothing happens to the servers; nobody leads for a few milliseconds. When the new one
does not catch up within an election timeout the old one leads on (exit 6).

Example:
  hactl managers transfer --to m2 --yes
`,
} as const;
