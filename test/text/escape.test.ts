/** Text of tenants is inert in whatever is written with it. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  asciiOnly,
  forMarkup,
  forTerminal,
  forWorkflowMessage,
  forWorkflowProperty,
  jsonText,
} from '../../src/text/escape.ts';

/** Controls, C1 controls, bidirectional overrides, zero widths, separators, tags, surrogates. */
const DANGEROUS = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;
const hostile = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '\u001b[2J\u001b[1;1H',
    '\u009b31m',
    'a\rb',
    'x\u202ey\u2066',
    '\u{e0041}',
    '\ud800',
    '::error file=x::y\n::warning::z',
    '<img src=x onerror=alert(1)>',
    '%0A::set-output::',
    '"\'&`$(id)',
  ),
);

describe('escaping', () => {
  it('leaves nothing that could redraw, hide or reorder text on a terminal', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(forTerminal(text)).not.toMatch(DANGEROUS);
      }),
    );
  });

  it('leaves harmless text as it is', () => {
    for (const text of ['web-1', 'größe', '日本語', 'a b', '→', 'x=1,y=[2]']) {
      expect(forTerminal(text)).toBe(text);
    }
  });

  it('shows what it replaced', () => {
    expect(forTerminal('a\u001b[31mb\n\u202e')).toBe('a\\x1b[31mb\\n\\u{202e}');
  });

  it('closes no element and no attribute of markup', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(forMarkup(text)).not.toMatch(/[<>"']|&(?!(amp|lt|gt|quot|#39);)/);
      }),
    );
  });

  it('ends no workflow command and begins none', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(forWorkflowMessage(text)).not.toMatch(/[\r\n]|%(?!25)/);
        expect(forWorkflowProperty(text)).not.toMatch(/[\r\n:,]|%(?!25|3A|2C)/);
      }),
    );
  });

  it('keeps the values of JSON and still sends no control to a terminal', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        const written = jsonText({ [text]: [text] });
        expect(written.replaceAll('\n', '')).not.toMatch(DANGEROUS);
        expect(JSON.parse(written)).toEqual({ [text]: [text] });
      }),
    );
  });

  it('writes ASCII only where that is asked for', () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(asciiOnly(forTerminal(text))).toMatch(/^[\u0020-\u007e]*$/);
      }),
    );
  });
});
