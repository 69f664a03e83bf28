/** Opens the snapshot a command was told to use; the bundled demonstration when it was told none. */
import { existsSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Network } from '../dataplane/network.ts';
import { openFiles, openFolder } from '../snapshot/collect/folder.ts';
import { type LooseFile } from '../snapshot/read/catalog.ts';
import { compileNetworkOf } from '../snapshot/read/compiled.ts';
import { type Folder } from '../snapshot/read/folder.ts';
import { openLoose, openSnapshot } from '../snapshot/read/open.ts';
import { openCloudOption } from './cloud-option.ts';
import { UsageError } from './exit-codes.ts';

const DEMO = fileURLToPath(new URL('../../demo/ovs-vxlan-ovsfw', import.meta.url));

export interface OpenedSnapshot {
  readonly network: Network;
  /** Short name for people: the folder's last part. */
  readonly name: string;
}

/** Opens a dump folder, an archive of one, or loose `host:bridge=FILE` dumps. */
export function openSnapshotOption(
  path: string | undefined,
  loose: readonly string[] = [],
): OpenedSnapshot {
  if (loose.length > 0) return { network: openLooseFiles(loose), name: 'loose files' };
  const folder = path ?? DEMO;
  if (!existsSync(folder)) throw new UsageError(`there is no snapshot at ${folder}`);
  if (/\.ya?ml$/.test(folder)) return { network: compiledOf(folder), name: basename(folder) };
  const network = openSnapshot(opened(folder));
  if (network.hosts.size === 0) {
    throw new UsageError(`${folder} holds no host: expected hosts/HOST/… or a sos report`);
  }
  return { network, name: path === undefined ? 'demo' : basename(resolve(folder)) };
}

/** A cloud.yaml stands for what its agents would make of it. */
function compiledOf(path: string): Network {
  return compileNetworkOf(openCloudOption(path));
}

function opened(path: string): Folder {
  try {
    const folder = openFolder(path);
    folder.list();
    return folder;
  } catch (error) {
    throw new UsageError(`cannot read ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function openLooseFiles(loose: readonly string[]): Network {
  const files: LooseFile[] = loose.map((word) => {
    const match = /^([^:=]+):([^:=]+)=(.+)$/.exec(word);
    if (match === null) {
      throw new UsageError(`--ovs expects host:bridge=FILE, not ${JSON.stringify(word)}`);
    }
    const [, host = '', bridge = '', path = ''] = match;
    if (!existsSync(path)) throw new UsageError(`there is no file ${path}`);
    return { host, bridge, path };
  });
  return openLoose(openFiles(files.map(({ path }) => path)), files);
}
