/** A real headless Chromium for pages and charts, where there is one. */
import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const PATH = '/usr/bin/chromium';

export const hasChromium = existsSync(PATH);

/** Chromium refuses its sandbox as root; only pages of these tests are opened. */
export function startChromium(): Promise<Browser> {
  return chromium.launch({ executablePath: PATH, args: ['--no-sandbox'] });
}
