/** The fault model in numbers: which classes there are, how many of the seeds have them, how often and for how long. */
export interface Shape {
  /** What is done, for the README and for people who read a report. */
  readonly what: string;
  /** Of the seeds that have this class. */
  readonly share: number;
  readonly perMinute: number;
  readonly forMs: number;
}

export type FaultKind = keyof typeof shapesByKind;

const shapesByKind = {
  // Network between managers.
  'loss': { what: 'messages are lost', share: 0.3, perMinute: 3, forMs: 6000 },
  'delay': { what: 'messages take up to 300 ms', share: 0.25, perMinute: 3, forMs: 5000 },
  'replay': { what: 'messages come again, up to 3 s later', share: 0.3, perMinute: 3, forMs: 6000 },
  'reorder': { what: 'messages overtake each other', share: 0.3, perMinute: 3, forMs: 8000 },
  'partition': { what: 'managers are parted, servers too', share: 0.3, perMinute: 2, forMs: 5000 },
  'one-way': { what: 'a manager is heard or hears, not both', share: 0.25, perMinute: 2, forMs: 5000 },
  'blind': { what: 'a manager is cut off from servers', share: 0.25, perMinute: 2, forMs: 6000 },
  'clog': { what: 'what is sent arrives at the end of it', share: 0.25, perMinute: 3, forMs: 4000 },
  // Disks of managers.
  'disk-slow': { what: 'writes take up to 130 ms', share: 0.25, perMinute: 2, forMs: 6000 },
  'disk-hang': { what: 'writes do not end', share: 0.2, perMinute: 2, forMs: 3000 },
  'disk-fail': { what: 'a write fails: the process ends', share: 0.2, perMinute: 2, forMs: 0 },
  'disk-low': { what: 'below the low-water mark', share: 0.15, perMinute: 2, forMs: 5000 },
  'disk-full': { what: 'every write fails until there is room', share: 0.15, perMinute: 1.5, forMs: 4000 },
  'unsynced-lost': { what: 'a crash with a write under way, which is lost', share: 0.2, perMinute: 2, forMs: 1500 },
  'torn-write': { what: 'the same, and it arrived in parts', share: 0.25, perMinute: 2, forMs: 1500 },
  'unsynced-kept': { what: 'the same, and the write is there', share: 0.2, perMinute: 2, forMs: 1500 },
  // Processes and machines of managers.
  'manager-crash': { what: 'a manager is killed', share: 0.5, perMinute: 4, forMs: 4000 },
  'leader-lost': { what: 'the leader dies or sleeps in mid-operation', share: 0.4, perMinute: 3, forMs: 3500 },
  'follower-lost': { what: 'at such a moment another one hears no more', share: 0.35, perMinute: 2, forMs: 3000 },
  'power-cut': { what: 'all managers die at once', share: 0.14, perMinute: 1, forMs: 2500 },
  'manager-pause': { what: 'a manager stands still', share: 0.4, perMinute: 3, forMs: 4000 },
  'clock-step': { what: 'the time of day jumps', share: 0.25, perMinute: 3, forMs: 0 },
  'wiped-disk': { what: 'a disk is lost; a new manager replaces it', share: 0.2, perMinute: 1.5, forMs: 0 },
  'remade-store': { what: 'the same, and its old id comes back empty', share: 0.16, perMinute: 1, forMs: 0 },
  'restored-backup': { what: 'a manager starts on an older copy', share: 0.3, perMinute: 2.5, forMs: 0 },
  // Servers.
  'primary-crash': { what: 'the primary is killed', share: 0.85, perMinute: 2, forMs: 14_000 },
  'primary-blink': { what: 'the primary restarts quickly', share: 0.12, perMinute: 1.5, forMs: 700 },
  'semi-sync-reset': { what: 'the same, and it waits for nobody afterwards', share: 0.25, perMinute: 2, forMs: 700 },
  'primary-hang': { what: 'no statement ends', share: 0.15, perMinute: 1, forMs: 8000 },
  'primary-full': { what: 'too many connections', share: 0.14, perMinute: 1, forMs: 6000 },
  'primary-cut': { what: 'cut off from the managers, or from all', share: 0.2, perMinute: 1, forMs: 12_000 },
  'half-open': { what: 'what it answers gets lost', share: 0.15, perMinute: 1, forMs: 8000 },
  'late-statements': { what: 'what a manager sends it arrives late', share: 0.25, perMinute: 2, forMs: 6000 },
  'replica-crash': { what: 'a replica is killed', share: 0.25, perMinute: 1.5, forMs: 5000 },
  'replica-behind': { what: 'a replica is cut off from the primary', share: 0.3, perMinute: 2, forMs: 4000 },
  'relay-log-lost': { what: 'a replica restarts, its relay log is gone', share: 0.15, perMinute: 1, forMs: 1000 },
  'lag': { what: 'a replica applies slowly', share: 0.25, perMinute: 2, forMs: 8000 },
  'server-return': { what: 'whatever is down comes back', share: 0.3, perMinute: 2, forMs: 0 },
  // Operators.
  'switchover': { what: 'a planned change of the primary', share: 0.4, perMinute: 2, forMs: 0 },
  'reconfigure': { what: 'another preferred candidate is declared', share: 0.2, perMinute: 2, forMs: 0 },
  'stale-proposal': { what: 'an old entry of an operation is proposed again', share: 0.3, perMinute: 6, forMs: 0 },
  'transfer': { what: 'the leadership is handed over', share: 0.3, perMinute: 3, forMs: 0 },
  'grow': { what: 'a manager is added', share: 0.25, perMinute: 2, forMs: 0 },
  'shrink': { what: 'a manager is removed', share: 0.3, perMinute: 3, forMs: 0 },
} satisfies Record<string, Shape>;

export const shapes: Readonly<Record<FaultKind, Shape>> = shapesByKind;
