/**
 * The last acknowledged state, kept outside LevelDB: what LevelDB may have lost without a word is what this file knows.
 * Two slots of one disk page each are written in turn, so that a torn write spoils the slot of a state that was not
 * acknowledged yet, never that of the last one that was. The file has its full size from the start: no later write
 * changes metadata, so fdatasync is enough. On Linux the file is opened so that each write is its own fdatasync
 * (O_DSYNC): one call instead of two, for a disk that is written with every commit.
 */
import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { decodeState, encodeState, type StateRecord } from './log-record.js';

const slotBytes = 4096;
/** Elsewhere O_DSYNC may mean less than Node's fdatasync does (macOS: it leaves the data in the drive's cache). */
const isSyncedByWrite = process.platform === 'linux';
const openFlags = constants.O_RDWR | (isSyncedByWrite ? constants.O_DSYNC : 0);

function slotOf(state: StateRecord): Uint8Array {
  const record = encodeState(state);
  const slot = new Uint8Array(slotBytes);
  new DataView(slot.buffer).setUint32(0, record.length);
  slot.set(record, 4);
  return slot;
}

function stateOf(slot: Uint8Array): StateRecord | null {
  const length = new DataView(slot.buffer, slot.byteOffset, 4).getUint32(0);
  if (length === 0 || length > slotBytes - 4) return null;
  return decodeState(slot.subarray(4, 4 + length));
}

export class MarkerFile {
  readonly #file: FileHandle;

  private constructor(file: FileHandle) {
    this.#file = file;
  }

  /** Fails when the file exists. */
  static async create(path: string, state: StateRecord): Promise<void> {
    const file = await open(path, 'wx', 0o600);
    try {
      await file.write(new Uint8Array(2 * slotBytes), 0, 2 * slotBytes, 0);
      await file.write(slotOf(state), 0, slotBytes, (state.generation % 2) * slotBytes);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  static async open(path: string): Promise<MarkerFile> {
    return new MarkerFile(await open(path, openFlags));
  }

  /** The newer of the readable slots; null when neither is readable. */
  async read(): Promise<StateRecord | null> {
    const bytes = new Uint8Array(2 * slotBytes);
    const { bytesRead } = await this.#file.read(bytes, 0, bytes.length, 0);
    if (bytesRead < bytes.length) return null;
    const first = stateOf(bytes.subarray(0, slotBytes));
    const second = stateOf(bytes.subarray(slotBytes));
    if (first === null || second === null) return first ?? second;
    return first.generation > second.generation ? first : second;
  }

  async write(state: StateRecord): Promise<void> {
    const at = (state.generation % 2) * slotBytes;
    const { bytesWritten } = await this.#file.write(slotOf(state), 0, slotBytes, at);
    if (bytesWritten !== slotBytes) throw new Error(`the marker took ${bytesWritten} of ${slotBytes} bytes`);
    if (!isSyncedByWrite) await this.#file.datasync();
  }

  async close(): Promise<void> {
    await this.#file.close();
  }
}
