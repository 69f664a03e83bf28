import { describe, expect, it } from 'vitest';
import { isTime } from '../../../src/dataplane/iptables/tests/clock.ts';
import { parseIptablesSave } from '../../../src/dataplane/iptables/text/save.ts';

/** Whether `-m time` with these options holds at a moment (`date -u -d … +%s`). */
function holds(options: string, moment_s: number): number {
  const text = `*filter\n:FORWARD ACCEPT [0:0]\n-A FORWARD -m time ${options}\nCOMMIT\n`;
  const { value, problems } = parseIptablesSave(text, 'rules', 4);
  expect(problems).toEqual([]);
  const match = value.tables[0]?.chains[0]?.rules[0]?.matches[0];
  if (match?.kind !== 'time') throw new Error('the rule asks for no time');
  return isTime(match.options, moment_s);
}

/** Thursday 2024-02-29, 13:30:00 UTC. */
const LEAP_DAY = 1_709_213_400;
/** Friday 2024-03-01, 00:30:00 UTC. */
const AFTER_MIDNIGHT = 1_709_253_000;

describe('-m time', () => {
  it.each([
    ['--timestart 13:30 --timestop 14:00', 1],
    ['--timestart 13:31 --timestop 14:00', 0],
    ['--timestart 13:00 --timestop 13:30', 1],
    ['--timestart 22:00 --timestop 06:00', 0],
    ['--timestart 13:00 --timestop 06:00', 1],
  ])('looks at the hours of a day: %s', (options, expected) => {
    expect(holds(options, LEAP_DAY)).toBe(expected);
  });

  it.each([
    ['--weekdays Thu', 1],
    ['--weekdays Mon,Fri', 0],
    ['! --weekdays Thu', 0],
    ['--monthdays 29', 1],
    ['--monthdays 1,28', 0],
    ['! --monthdays 1', 1],
  ])('looks at days: %s', (options, expected) => {
    expect(holds(options, LEAP_DAY)).toBe(expected);
  });

  it.each([
    ['--datestart 2024-02-29T13:30:00', 1],
    ['--datestart 2024-02-29T13:30:01', 0],
    ['--datestop 2024-02-29T13:30:00', 1],
    ['--datestop 2024-02-28', 0],
  ])('looks at dates: %s', (options, expected) => {
    expect(holds(options, LEAP_DAY)).toBe(expected);
  });

  it('gives the hours after midnight to the day before only where it is asked to', () => {
    const night = '--timestart 22:00 --timestop 06:00 --weekdays Thu';
    expect(holds(night, AFTER_MIDNIGHT)).toBe(0);
    expect(holds(`${night} --contiguous`, AFTER_MIDNIGHT)).toBe(1);
    expect(holds(night.replace('Thu', 'Fri'), AFTER_MIDNIGHT)).toBe(1);
  });

  it('does not know the time zone of a kernel', () => {
    expect(holds('--timestart 13:00 --kerneltz', LEAP_DAY)).toBe(-1);
  });
});
