/** Captured frames, whatever the file format. */
import { type Parsed } from '../text/problem.ts';
import { type CapturedFrame } from './captured-frame.ts';
import { readPcap } from './pcap.ts';
import { isPcapng, readPcapng } from './pcapng.ts';

/** The frames of a pcap or pcapng file, told apart by their first four bytes. */
export function readCapture(bytes: Uint8Array, file: string): Parsed<readonly CapturedFrame[]> {
  if (!isPcapng(bytes)) return readPcap(bytes, file);
  const { value, problems } = readPcapng(bytes, file);
  return { value: value.frames, problems };
}
