/** What a person is told when a data directory cannot be used. Each says why going on would be worse than stopping. */
import { errorMessage, HactlError } from '../base/index.js';

const replaceManager =
  'keep the directory for a look (`hactl debug verify-store`), and replace this manager by a new one: ' +
  'another id, an empty data_dir, `hactl managers add NEW ... --replaces THIS`; never put an older copy in its place';

export function storeFaulted(directory: string, why: string, cause?: unknown): HactlError {
  return new HactlError(
    { code: 'store-faulted', what: `the store in ${directory} has lost something it acknowledged`, why,
      next: replaceManager },
    { cause },
  );
}

export function storeLocked(directory: string, cause?: unknown): HactlError {
  return new HactlError(
    {
      code: 'refused',
      what: `the store in ${directory} is in use`,
      why: 'another process holds its lock; two managers on one store would overwrite each other\'s votes',
      next: 'stop the manager that runs on it; two managers need a directory each',
    },
    { cause },
  );
}

export function storeMissing(directory: string, cause?: unknown): HactlError {
  return new HactlError(
    {
      code: 'store-missing',
      what: `there is no hactl store in ${directory}`,
      why:
        'a member that starts with an empty directory has forgotten its votes and its log, ' +
        'and could help to elect two leaders or to lose committed entries',
      next:
        'check that the right disk is mounted; run `hactl init` if this manager has never run; ' +
        'if its data is gone, add it to the cluster again under a new id',
    },
    { cause },
  );
}

export function storeExists(directory: string, found: readonly string[]): HactlError {
  return new HactlError({
    code: 'store-exists',
    what: `${directory} already holds a hactl store`,
    why: 'to create it anew would forget votes and log of a member',
    next: 'start the manager with this directory, or choose another; delete it only if it has never been started',
    details: found.map((name) => `found ${name}`),
  });
}

export function foreignStore(directory: string, details: readonly string[]): HactlError {
  return new HactlError({
    code: 'refused',
    what: `the store in ${directory} belongs to another manager or cluster`,
    why: 'a log and votes are worth something only to the member that wrote them',
    next: 'give this manager the directory that was made for it by `hactl init`',
    details,
  });
}

/** `copy` is the store as it was before. */
export function recoveryUnfinished(directory: string, copy: string): HactlError {
  return new HactlError({
    code: 'refused',
    what: `a recovery of the store in ${directory} was begun and not finished`,
    why: 'its parts may be of two lineages: to start on it could make two quorums of one',
    next: `run \`hactl managers recover\` again, which goes on; or put the copy of before back, which is ${copy}`,
  });
}

/** Nothing is known of the store yet: this is no damage. */
export function storeUnreadable(directory: string, cause: unknown): HactlError {
  return new HactlError(
    {
      code: 'refused',
      what: `this user may not read the store in ${directory}`,
      why: `${errorMessage(cause)}; nothing says that the store is damaged`,
      next:
        'run this as the user that the manager runs as; if files in it belong to another user (something was run as ' +
        'root), give them back: chown -R MANAGER_USER the directory',
    },
    { cause },
  );
}

export function otherOwner(directory: string, ownUid: number, ownerUid: number): HactlError {
  return new HactlError({
    code: 'refused',
    what: `the store in ${directory} belongs to another user: uid ${ownerUid}, and this runs as uid ${ownUid}`,
    why: 'what it writes would belong to this user, and the manager could not open its store any more',
    next:
      `run it as the user who owns the directory, uid ${ownerUid} (sudo -u '#${ownerUid}' hactl ...); ` +
      'if the manager runs as another user, give the directory to that one first (chown -R)',
  });
}
