/** The page of a simulation: nothing runs in it, and no text of a tenant becomes markup. */
import { describe, expect, it } from 'vitest';
import { simulationPage } from '../../src/simulate/render/html.ts';
import { Timeline } from '../../src/simulate/timeline.ts';
import { played, redundantCloud } from './cloud.ts';

const HOSTILE = `"><script>alert(1)</script><img src=x onerror=alert(2)>'&\u202e`;

describe('the page of a simulation', () => {
  const done = played(redundantCloud(), {
    events: ['t=1s fail host net2'],
    probes: ['v1 -> external:198.51.100.10 every 500ms'],
    until_us: 4e6,
  });
  const [way] = done.ways;
  if (way === undefined) throw new Error('no way');
  const [probe] = way.probes;
  if (probe === undefined) throw new Error('no probe');

  it('shows names, texts, causes and outcomes as text only', () => {
    const timeline = new Timeline();
    timeline.tell({ at_us: 0, kind: 'event', who: HOSTILE, text: HOSTILE });
    const hostile = {
      ...way,
      timeline,
      end: way.end,
      masters: new Map([[HOSTILE, [HOSTILE]]]),
      probes: [
        {
          ...probe,
          probe: { ...probe.probe, text: HOSTILE },
          windows: probe.windows.map((window) => ({
            ...window,
            causes: [{ code: 'VRRP_NO_MASTER' as const, sentence: HOSTILE, since_us: 0 }],
          })),
        },
      ],
    };
    const page = simulationPage({ ...done, ways: [hostile] }, { name: HOSTILE, until_us: 4e6 });
    expect(page).not.toMatch(/<script|<img|javascript:|onerror=[^&]*>/i);
    expect(page).not.toContain('\u202e');
    expect(page.split('&lt;script&gt;').length).toBeGreaterThan(5);
  });

  it('needs no script and nothing from elsewhere', () => {
    const page = simulationPage(done, { name: 'x', until_us: 4e6 });
    expect(page).not.toMatch(/<script|<link|src=|href=|@import|url\(/i);
    expect(page).toContain('no instance of edge is master');
  });
});
