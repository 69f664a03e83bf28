/** Files that events of a simulation name: another keepalived.conf, another snapshot or cloud. */
import { existsSync, readFileSync } from 'node:fs';
import { type SimulationOptions } from '../simulate/simulation.ts';
import { UsageError } from './exit-codes.ts';
import { openSnapshotOption } from './snapshot-option.ts';

export const SIMULATION_FILES: Required<Pick<SimulationOptions, 'readFile' | 'openNetwork'>> = {
  readFile: (path) => (existsSync(path) ? readFileSync(path, 'utf8') : null),
  openNetwork(path) {
    try {
      return openSnapshotOption(path).network;
    } catch (error) {
      if (error instanceof UsageError) return error.message;
      throw error;
    }
  },
};
