/** Why a role changed, in words. */
import { type Because } from '../../dataplane/vrrp/machine/types.ts';
import { writeIp } from '../../text/address-text.ts';

export function becauseText(because: Because): string {
  switch (because.kind) {
    case 'started':
      return 'keepalived started';
    case 'silence':
      return because.goodbye
        ? 'the master said goodbye and nobody else came'
        : 'no advert came in time';
    case 'owner':
      return 'it owns the addresses (priority 255)';
    case 'higher-priority':
      return `${writeIp(because.advert.source)} has the higher priority ${because.advert.priority}`;
    case 'higher-address':
      return `${writeIp(because.advert.source)} has the same priority and the higher address`;
    case 'failed':
      return `${because.what} failed`;
    case 'recovered':
      return 'everything it watches is well again';
    case 'group':
      return `${because.member} of its sync group did so`;
    case 'stopped':
      return 'keepalived was told to stop';
    case 'killed':
      return 'keepalived was killed';
  }
}
