/** Faults of compiled clouds: the hosts' files as agents would have made them, then edited. */
import { type Network } from '../../../src/dataplane/network.ts';
import { readCloudYaml } from '../../../src/model/yaml/read-cloud.ts';
import { openSnapshot } from '../../../src/snapshot/read/open.ts';
import { compileCloud } from '../../../src/verify/scenarios/run.ts';
import { folderOf } from '../../captured.ts';
import { type Edit, type Texts } from './edits.ts';

/** The network of a cloud.yaml as its hosts would show it with the edits made. */
export function injuredCloud(text: string, edits: readonly Edit[]): Network {
  const { value, problems } = readCloudYaml('cloud.yaml', text);
  if (value === null || problems.length > 0) throw new Error(JSON.stringify(problems));
  const texts: Texts = new Map();
  for (const [path, file] of compileCloud(value).files) texts.set(path, file());
  for (const edit of edits) edit(texts);
  return openSnapshot(folderOf(texts, '.'));
}
