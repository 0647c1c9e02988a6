/** The figures that decide how an answer travels: bytes and milliseconds, those of the contract. */

export const timing = Object.freeze({
  /** An answer up to this size goes back in one message. */
  unaryBytes: 2 ** 20,
  /** How long a body in parts may take to end and still go back in one message. */
  patience: 2,
  /** The same where a Content-Length promises that it will end and fit. */
  patienceSized: 50,
  /** A continuation that nobody reads is given up after this. */
  continuation: 30_000,
  /** What an app may write ahead of the reader, beside what the streams between them hold. */
  window: 256 * 1024,
  /** How long an answered upload is still read, so that the client sees the answer's end first. */
  linger: 2_000,
  /** SIGTERM without a Drain before it. */
  drainOnSignal: 5_000,
});
