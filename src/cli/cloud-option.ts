/** Reads the cloud a command was told to use: a cloud.yaml, or the cloud behind a snapshot. */
import { readFileSync, statSync } from 'node:fs';
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { readCloudYaml } from '../model/yaml/read-cloud.ts';
import { openFolder } from '../snapshot/collect/folder.ts';
import { cloudOfNetwork } from '../snapshot/read/cloud.ts';
import { apiProblems, cloudProblems, openSnapshot } from '../snapshot/read/open.ts';
import { forTerminal } from '../text/escape.ts';
import { type Problem, problemLine } from '../text/problem.ts';
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
    const files = openFolder(path);
    refuse(path, apiProblems(files));
    const network = openSnapshot(files);
    const cloud = cloudOfNetwork(network);
    refuse(path, readAll(network));
    refuse(path, cloudProblems(files, cloud));
    if (cloud.hosts.length > 0) return cloud;
    throw new UsageError(`${path} holds no agents: api/agents.json says which hosts there are`);
  }
  const { value, problems } = readCloudYaml(path, readFileSync(path, 'utf8'));
  refuse(path, problems);
  if (value !== null) return value;
  throw new UsageError(`${path} is no cloud that could be built`);
}

/** Problems of the API's answers, all of which are read for that. */
function readAll({ neutron, problems, placeOf }: Network): readonly Problem[] {
  void Object.values(neutron);
  return problems.filter(({ file }) => placeOf(file)?.kind === 'api');
}

function refuse(path: string, problems: readonly Problem[]): void {
  if (problems.length === 0) return;
  const lines = problems.slice(0, SHOWN).map((problem) => forTerminal(problemLine(problem)));
  const rest = problems.length - lines.length;
  throw new UsageError(
    `${path} is no cloud that could be built`,
    ...lines,
    ...(rest > 0 ? [`and ${rest} more`] : []),
  );
}
