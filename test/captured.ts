/** Captured deployments of the fixtures: their dumps as folders, their networks, their records. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';
import { type Network } from '../src/dataplane/network.ts';
import { type Folder } from '../src/snapshot/read/folder.ts';
import { openSnapshot } from '../src/snapshot/read/open.ts';
import { ROOT } from './sources.ts';

const FIXTURES = join(ROOT, 'test/fixtures/captures');

/** A recorded probe as it stands in the file. */
export type RawRecord = Readonly<Record<string, unknown>>;

export interface Captured {
  readonly name: string;
  /** Texts by path below the capture. */
  readonly files: ReadonlyMap<string, string>;
  readonly records: readonly RawRecord[];
  /** The text of the file of records. */
  readonly recordsText: string;
  /** Folder of the dumps of a phase; null when no dump was taken. */
  phaseFolder(phase: string): string | null;
  /** The network that a phase ran on, opened once. */
  network(phase: string): Network | null;
}

/** Names of all packed captures. */
export function capturedNames(): readonly string[] {
  return readdirSync(FIXTURES).flatMap((file) => /^(.+)\.json\.br$/.exec(file)?.[1] ?? []);
}

/** Unpacks a capture. */
export function captured(name: string): Captured {
  const bytes = brotliDecompressSync(readFileSync(join(FIXTURES, `${name}.json.br`)));
  const texts = JSON.parse(bytes.toString('utf8')) as Readonly<Record<string, string>>;
  const files = new Map(Object.entries(texts));
  const recordsText = files.get('truth.json') ?? '[]';
  const phases = JSON.parse(files.get('phases.json') ?? '{}') as Record<string, string | null>;
  const networks = new Map<string, Network>();
  const phaseFolder = (phase: string): string | null => phases[phase] ?? null;
  return {
    name,
    files,
    records: JSON.parse(recordsText) as readonly RawRecord[],
    recordsText,
    phaseFolder,
    network(phase) {
      const folder = phaseFolder(phase);
      if (folder === null) return null;
      const known = networks.get(folder) ?? openSnapshot(folderOf(files, folder));
      networks.set(folder, known);
      return known;
    },
  };
}

/** The files below a folder of a capture; `.` is the capture itself. */
export function folderOf(files: ReadonlyMap<string, string>, folder: string): Folder {
  const prefix = folder === '.' ? '' : `${folder}/`;
  const paths = [...files.keys()].filter((path) => path.startsWith(prefix)).sort();
  const encoder = new TextEncoder();
  return {
    list: () => paths.map((path) => path.slice(prefix.length)),
    read: (path) => {
      const text = files.get(prefix + path);
      return text === undefined ? undefined : encoder.encode(text);
    },
  };
}
