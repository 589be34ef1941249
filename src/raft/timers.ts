/** Time as the driver uses it: Node's own, or a simulator's. Each returns what cancels it. */
export interface Timers {
  after(ms: number, run: () => void): () => void;
  every(ms: number, run: () => void): () => void;
  /** Once everything that already waits in a socket was read. */
  afterReads(run: () => void): () => void;
}

export const nodeTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, ms);
    return () => clearTimeout(timer);
  },
  every(ms, run) {
    const timer = setInterval(run, ms);
    return () => clearInterval(timer);
  },
  afterReads(run) {
    // Timers run before sockets are read, immediates after; the second one leaves room for a second read.
    let immediate = setImmediate(() => {
      immediate = setImmediate(run);
    });
    return () => clearImmediate(immediate);
  },
};
