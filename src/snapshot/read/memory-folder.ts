/** A folder whose files are made when they are read: what a compiled cloud gives. */
import { type Folder } from './folder.ts';

export function memoryFolder(files: ReadonlyMap<string, () => string>): Folder {
  const encoder = new TextEncoder();
  const paths = [...files.keys()].sort();
  return {
    list: () => paths,
    read: (path) => {
      const text = files.get(path);
      return text === undefined ? undefined : encoder.encode(text());
    },
  };
}
