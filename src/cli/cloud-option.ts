/** Reads the cloud a command was told to use: a cloud.yaml, or the cloud behind a snapshot. */
import { readFileSync, statSync } from 'node:fs';
import { type Cloud } from '../model/cloud.ts';
import { readCloudYaml } from '../model/yaml/read-cloud.ts';
import { openFolder } from '../snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../snapshot/read/cloud.ts';
import { openSnapshot } from '../snapshot/read/open.ts';
import { forTerminal } from '../text/escape.ts';
import { problemLine } from '../text/problem.ts';
import { UsageError } from './exit-codes.ts';

/** Problems shown at once; the rest is counted. */
const SHOWN = 20;

/** The cloud of a file or folder; any problem in a cloud.yaml ends the command. */
export function openCloudOption(path: string): Cloud {
  let folder: boolean;
  try {
    folder = statSync(path).isDirectory();
  } catch {
    throw new UsageError(`there is no cloud at ${path}`);
  }
  if (folder) {
    const network = openSnapshot(openFolder(path));
    const cloud = cloudOfNetwork(network);
    if (cloud.hosts.length > 0) return cloud;
    throw new UsageError(`${path} holds no agents: api/agents.json says which hosts there are`);
  }
  const { value, problems } = readCloudYaml(path, readFileSync(path, 'utf8'));
  if (value !== null && problems.length === 0) return value;
  const lines = problems.slice(0, SHOWN).map((problem) => forTerminal(problemLine(problem)));
  const rest = problems.length - lines.length;
  throw new UsageError(
    `${path} is no cloud that could be built`,
    ...lines,
    ...(rest > 0 ? [`and ${rest} more`] : []),
  );
}
