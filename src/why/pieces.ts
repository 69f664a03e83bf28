/** Parts of a host that one agent programs: what a restart of that agent makes anew. */
import { ROOT } from '../dataplane/network.ts';
import { namespaceOwner } from '../model/ids.ts';

export type Piece = 'layer2' | 'layer3' | 'dhcp';

/** The key of a piece of a host. */
export function pieceOf(host: string, piece: Piece): string {
  return `${host} ${piece}`;
}

/** Host and piece of a key; a host's name holds no blank. */
export function readPiece(key: string): { readonly host: string; readonly piece: Piece } {
  const at = key.lastIndexOf(' ');
  return { host: key.slice(0, at), piece: key.slice(at + 1) as Piece };
}

/** The agent that makes a namespace; null for guests and what is somebody else's. */
export function pieceOfNamespace(name: string): Piece | null {
  if (name === ROOT) return 'layer2';
  const owner = namespaceOwner(name)?.kind;
  if (owner === undefined) return null;
  return owner === 'dhcp' ? 'dhcp' : 'layer3';
}
