/** Settings of kernels that keep packets from passing (ip-sysctl.rst). */
import { type Namespace } from '../../dataplane/routing/types.ts';
import { type Reason } from '../../reasons/codes.ts';
import { inNamespace } from '../../trace/diagnosis/commands.ts';
import { type Attempt, type Proposal } from '../attempt.ts';
import { placesOnTheWay } from './devices.ts';

interface Setting {
  readonly pattern: RegExp;
  readonly isWrong: (value: string) => boolean;
  readonly value: string;
  readonly says: string;
}

const SETTINGS: Readonly<Partial<Record<Reason, readonly Setting[]>>> = {
  IP_FORWARD_OFF: [
    {
      pattern: /^net\.(ipv4\.ip_forward|ipv4\.conf\.all\.forwarding|ipv6\.conf\.all\.forwarding)$/,
      isWrong: (value) => value === '0',
      value: '1',
      says: 'let it forward',
    },
  ],
  RP_FILTER: [
    {
      pattern: /^net\.ipv4\.conf\..+\.rp_filter$/,
      isWrong: (value) => value === '1',
      value: '2',
      says: 'let packets in whose sender is reached by another interface (RFC 3704 §2.4, loose)',
    },
  ],
};

/** Each setting alone changes little: all that are wrong in one namespace are set together. */
export const kernelSettings: Proposal = (stuck) => {
  const settings = SETTINGS[stuck.blocker.code] ?? [];
  return placesOnTheWay(stuck)
    .filter(({ host }) => host === stuck.blocker.host)
    .flatMap(({ host, namespace, state }) =>
      settings.flatMap(({ pattern, isWrong, value, says }): readonly Attempt[] => {
        const wrong = [...state.sysctls].flatMap(([key, is]) =>
          pattern.test(key) && isWrong(is) ? [key] : [],
        );
        if (wrong.length === 0) return [];
        return [
          {
            change: {
              kind: namespace.startsWith('vm-') ? 'guest' : 'host',
              summary: `${says}: set ${wrong.length} of the kernel’s settings on ${host}`,
              commands: wrong.map((key) =>
                inNamespace(host, namespace, `sysctl -w ${key}=${value}`),
              ),
            },
            makes: {
              edits: [
                {
                  of: 'namespace',
                  host,
                  namespace,
                  change: (before: Namespace): Namespace => ({
                    ...before,
                    sysctls: new Map([
                      ...before.sysctls,
                      ...wrong.map((key) => [key, value] as const),
                    ]),
                  }),
                },
              ],
            },
          },
        ];
      }),
    );
};
