/** `hopwise verify-certificate FILE`: whether the books of a proof balance. */
import { readFileSync } from 'node:fs';
import { type Command } from 'commander';
import { forTerminal } from '../text/escape.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

const NOTES = `
The checker knows nothing of how the proof was made: it adds up what came in and went out at every
location. What rules do to packets that they hand on is named in the certificate, not checked.

Exit codes: 0 accepted, 1 refused, 2 no certificate.`;

/** Complaints that are shown. */
const MOST = 20;

/** Adds the command to the tree. */
export function addVerifyCertificate(root: Command, call: Call): void {
  root
    .command('verify-certificate')
    .description('check a certificate that hopwise prove --certificate has written')
    .argument('<file>', 'the certificate')
    .addHelpText('after', NOTES)
    .action((file: string) => run(call, file));
}

async function run(call: Call, file: string): Promise<void> {
  const [{ readCertificate }, { checkCertificate }] = await Promise.all([
    import('../verify/certificate/read.ts'),
    import('../verify/certificate/check.ts'),
  ]);
  const certificate = readCertificate(textOf(file));
  if (typeof certificate === 'string') throw new UsageError(`${file}: ${certificate}`);
  const wrong = checkCertificate(certificate);
  const { out } = call.io;
  const { from, to, locations } = certificate;
  const ends = `${from.host} ${from.device} → ${to.host} ${to.device}`;
  const [mark, word] = wrong.length === 0 ? ['✓', 'accepted'] : ['✗', 'refused'];
  out.write(`${mark} ${word}  no packet: ${forTerminal(ends)}  ${locations.length} locations\n`);
  for (const each of wrong.slice(0, MOST)) out.write(`  ${forTerminal(each)}\n`);
  if (wrong.length > MOST) out.write(`  and ${wrong.length - MOST} more\n`);
  call.exitCode = wrong.length === 0 ? EXIT.yes : EXIT.no;
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}
