#!/usr/bin/env node
/** The program's entry: one call of the command line, its streams, its exit code. */
import { EXIT } from './exit-codes.ts';
import { processIo } from './io.ts';
import { run } from './program.ts';

// A reader that goes away early (`| head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(EXIT.yes);
  throw error;
});

/** Settled when the command has answered and the exit code stands. */
export const done: Promise<void> = run(process.argv.slice(2), processIo()).then((code) => {
  process.exitCode = code;
});
