/**
 * Mirrors: copies of what a port receives and sends, to another port or VLAN (xlate
 * mirror_packet()). A mirror gets a packet at most once per bridge.
 */
import { type Part, type Translation } from './part.ts';
import { type Bundle, type PreparedPort } from './prepared.ts';
import { includesVlan, innerTags, inputAllowed, outputTo, tagsOf } from './vlan.ts';

/** Copies the packet, which passes `bundle`, to those of the `selected` mirrors that want it. */
export function mirror<P>(
  x: Translation<P>,
  part: Part<P>,
  bundle: Bundle,
  selected: number,
): Part<P>[] {
  if ((selected & ~part.mirrors) === 0) return [part];
  return tagsOf(x, part).flatMap(({ part: q, tags }) => {
    if (!inputAllowed(bundle, tags[0].vid)) return [q];
    const vlan = innerTags(bundle, tags)[0].vid;
    let parts = [q];
    for (const mirrored of q.bridge.mirrors) {
      if ((selected & mirrored.bit) === 0) continue;
      if (mirrored.vlans !== null && !mirrored.vlans.has(vlan)) continue;
      parts = parts.flatMap((one) => {
        if ((one.mirrors & mirrored.bit) !== 0) return [one];
        one.mirrors |= mirrored.duplicates;
        one.mirrorSnapLength = mirrored.source.snapLength;
        return copies(x, one, bundle, mirrored.output(), mirrored.source.outputVlan, tags).map(
          (done) => {
            done.mirrorSnapLength = 0;
            return done;
          },
        );
      });
    }
    return parts;
  });
}

/** Mirrors of what this port sends. */
export function mirrorSent<P>(x: Translation<P>, part: Part<P>, port: PreparedPort): Part<P>[] {
  const { mirrorDestination } = port.bundle;
  return mirrorDestination === 0 ? [part] : mirror(x, part, port.bundle, mirrorDestination);
}

function copies<P>(
  x: Translation<P>,
  part: Part<P>,
  bundle: Bundle,
  output: Bundle | null,
  outputVlan: number | null,
  tags: Parameters<typeof innerTags>[1],
): Part<P>[] {
  const inner = innerTags(bundle, tags);
  if (output !== null) return outputTo(x, part, output, inner, tags);
  if (outputVlan === null || inner[0].vid === outputVlan) return [part];
  const moved = [{ ...inner[0], vid: outputVlan }, inner[1]] as const;
  let parts = [part];
  for (const candidate of part.bridge.bundles.values()) {
    if (!includesVlan(candidate, moved) || candidate.mirrorOutput !== 0) continue;
    parts = parts.flatMap((q) => outputTo(x, q, candidate, moved, tags));
  }
  return parts;
}
