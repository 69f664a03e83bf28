/** Members of sets that are missing or too many. */
import { inSpace } from './lines.ts';
import { type Mend, type Mender } from './types.ts';

export const setMends: Mender = ({ real }, differences) =>
  differences.flatMap(({ device, part, a, b }): readonly Mend[] => {
    const name = /^set (\S+)$/.exec(part)?.[1];
    if (name === undefined) return [];
    const { name: host } = real.host;
    const [come, gone] = [a, b].map((side) => (side === null ? [] : [side.text]));
    const members = (verb: string, list: readonly string[] = []): readonly string[] =>
      list.map((member) => `${verb} ${name} ${member}`);
    const removed = members('add', gone);
    const change = (text: string): string => {
      const kept = text.split('\n').filter((line) => {
        const isGone = removed.some((one) => line === one || line.startsWith(`${one} `));
        return line !== '' && !isGone;
      });
      return `${[...kept, ...members('add', come)].join('\n')}\n`;
    };
    return [
      {
        host,
        device,
        part,
        text: [...(come ?? []), ...(gone ?? [])].join('\n'),
        lines: [...members('add', come), ...members('del', gone)].map((line) =>
          inSpace(device, `ipset ${line}`),
        ),
        edits: [{ of: 'file', host, namespace: device, file: 'ipset-save', change }],
      },
    ];
  });
