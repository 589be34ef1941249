/** Tells when the disk of the data directory falls below its low-water mark, and when it has room again. */
import { statfs } from 'node:fs/promises';

export interface DiskWatchOptions {
  readonly directory: string;
  readonly lowWaterBytes: number;
  readonly onChange: (isLow: boolean, freeBytes: number) => void;
  /** It cannot be read: said once; what was known before stays. */
  readonly onUnreadable: (thrown: unknown) => void;
}

const everyMs = 2000;
/** Room must come back by this much before the mark counts as passed: no flapping around it. */
const hysteresis = 1.1;

export class DiskWatch {
  readonly #options: DiskWatchOptions;
  #timer: NodeJS.Timeout | null = null;
  #isLow = false;
  #isUnreadable = false;
  #isLooking = false;

  constructor(options: DiskWatchOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), everyMs);
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  async look(): Promise<void> {
    // A disk that hangs would otherwise collect looks.
    if (this.#isLooking) return;
    this.#isLooking = true;
    const { directory, lowWaterBytes, onChange, onUnreadable } = this.#options;
    try {
      const { bavail, bsize } = await statfs(directory);
      const freeBytes = bavail * bsize;
      this.#isUnreadable = false;
      const isLow = freeBytes < (this.#isLow ? lowWaterBytes * hysteresis : lowWaterBytes);
      if (isLow !== this.#isLow) onChange(isLow, freeBytes);
      this.#isLow = isLow;
    } catch (thrown) {
      if (!this.#isUnreadable) onUnreadable(thrown);
      this.#isUnreadable = true;
    } finally {
      this.#isLooking = false;
    }
  }
}
