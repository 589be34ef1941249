/**
 * Every bound of the transport in one place. The time values belong together: a ping every 200 ms, a peer counts as
 * reachable for five of them, and its connection is given up after fifteen.
 */

/** A frame's kind and body. Checked before a byte of the body is kept or decoded. */
export const frameBytesMax = 1024 * 1024;
/** Before the handshake nobody is known, so nobody may make us hold more than this. */
export const handshakeBytesMax = 4096;

/** Per peer and channel. The oldest goes first: for Raft and for observations, newer always supersedes older. */
export const queueFramesMax = 1024;
export const queueBytesMax = 4 * 1024 * 1024;
/** A frame that waited this long is thrown away instead of sent: whoever sent it has tried again or given up. */
export const queueAgeMsMax = 2000;
/** No new frame is handed to a socket that holds more than this; at most one frame can exceed it. */
export const socketBytesMax = 128 * 1024;
/** Answers to pings are dropped while the asker does not read. */
export const replyBytesMax = 16 * 1024;

/** Incoming connections, known or not: one per peer, and room for newer ones that replace half-open ones. */
export const incomingMax = 32;

/** Managers that dialled us and are no peers of ours (their membership is newer): dialled back, so many at once. */
export const callersMax = 16;

/** From dialling (or accepting) to the end of the handshake, look-up of the name included. */
export const handshakeTimeoutMs = 1000;
export const backoffMinMs = 50;
export const backoffMaxMs = 1000;
export const pingIntervalMs = 200;
export const reachableMs = 1000;
/**
 * Silent pings before a connection is given up. Counted in pings and not in time, so that a pause of our own process
 * never closes every connection at once.
 */
export const silentPingsMax = 15;

export const protocolMin = 1;
export const protocolMax = 1;
