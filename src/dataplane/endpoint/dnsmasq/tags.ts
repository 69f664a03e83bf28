/** Tags (dnsmasq(8), "TAGS"): what is set about a client, and which options that selects. */
import { type DhcpOptionSetting, type Tag } from './types.ts';

/** Whether every condition holds. */
export function holds(conditions: readonly Tag[], tags: ReadonlySet<string>): boolean {
  return conditions.every(({ name, not }) => tags.has(name) !== not);
}

/**
 * The options for a client with these tags, one per code: those with conditions go before those
 * without, and a later line before an earlier one (rfc2131.c option_filter()).
 */
export function selectOptions(
  options: readonly DhcpOptionSetting[],
  version: 4 | 6,
  tags: ReadonlySet<string>,
): ReadonlyMap<number, DhcpOptionSetting> {
  const selected = new Map<number, DhcpOptionSetting>();
  const usable = options.filter((one) => one.version === version && holds(one.tags, tags));
  for (const conditional of [true, false]) {
    for (const option of [...usable].reverse()) {
      if (option.tags.length > 0 === conditional && !selected.has(option.code)) {
        selected.set(option.code, option);
      }
    }
  }
  return selected;
}
