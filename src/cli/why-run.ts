/** Runs `hopwise why`, and `hopwise trace` where more than the first blocker was asked for. */
import { type Network } from '../dataplane/network.ts';
import { type Cloud } from '../model/cloud.ts';
import { cloudOfNetwork } from '../snapshot/read/cloud.ts';
import { jsonText } from '../text/escape.ts';
import { askedPacket, askedQuestion } from '../trace/ask.ts';
import { whyJson } from '../why/render/json.ts';
import { whyLines } from '../why/render/text.ts';
import { explainWhy } from '../why/why.ts';
import { openCloudOption } from './cloud-option.ts';
import { UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';
import { askedWith, must } from './question-options.ts';
import { openSnapshotOption } from './snapshot-option.ts';
import { pageOf } from './terminal.ts';
import { exitCode } from './verdict-options.ts';
import { VERSION } from './version.ts';
import { type WhyFlags } from './why-command.ts';

export async function runWhy(call: Call, from: string, to: string, flags: WhyFlags): Promise<void> {
  const asked = askedWith(from, to, flags);
  must(askedPacket(asked));
  const path = flags.cloud ?? flags.snapshot;
  const { network, name, cloud } = openSnapshotOption(path, flags);
  const question = must(askedQuestion(network, asked));
  const explained = explainWhy(network, question, {
    cloud: cloud ?? cloudOf(network, path),
    connections: flags.connections,
    allBlockers: flags.first !== true,
    fixes: flags.fix !== false,
    effectPairs: flags.effects ?? 0,
  });
  if (explained.kind === 'impossible') throw new UsageError(explained.why);
  const { why } = explained;
  call.exitCode = exitCode(why.trace, flags);
  if (flags.json === true || flags.format === 'json') {
    call.io.out.write(`${jsonText(whyJson(why, name, VERSION))}\n`);
    return;
  }
  const page = pageOf(call.io, flags);
  const context = {
    snapshot: name,
    withReply: flags.reply ?? false,
    everything: flags.verbose ?? false,
  };
  call.io.out.write(page.encode(`${whyLines(why, context, page).join('\n')}\n`));
}

/** Whose objects agents go by: a cloud.yaml is the cloud itself. */
export function cloudOf(network: Network, path: string | undefined): Cloud | null {
  if (path !== undefined && /\.ya?ml$/.test(path)) return openCloudOption(path);
  const cloud = cloudOfNetwork(network);
  return cloud.hosts.length === 0 ? null : cloud;
}
