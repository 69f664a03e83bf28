/**
 * A SARIF log (OASIS SARIF 2.1.0). Places are relative to the repository, as code scanning asks;
 * fingerprints hang on what was checked, so that a finding stays one when lines move.
 */
import { REASONS, type Reason } from '../../../reasons/codes.ts';
import { type Checked } from '../types.ts';
import { adviceOf, LEVELS, ruleOf } from './sentence.ts';

/** @param file relative to the repository, or an absolute path of a file elsewhere */
export function sarifLog(file: string, checked: readonly Checked[], version: string): unknown {
  const wrong = checked.filter(({ holds }) => holds !== 'holds');
  const ids = [...new Set(wrong.map(idOf))].sort();
  return {
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'hopwise',
            semanticVersion: version,
            rules: ids.map((id) => ({ id, shortDescription: { text: describe(id) } })),
          },
        },
        results: wrong.map((each) => ({
          ruleId: idOf(each),
          ruleIndex: ids.indexOf(idOf(each)),
          level: LEVELS[each.holds],
          message: { text: `${each.property.name}: ${adviceOf(each)}` },
          partialFingerprints: { 'hopwiseProperty/v1': fingerprint(each) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: placeOf(file),
                region: {
                  startLine: Math.max(1, each.property.line),
                  startColumn: Math.max(1, each.property.column),
                },
              },
              logicalLocations: [{ fullyQualifiedName: each.subject }],
            },
          ],
        })),
        columnKind: 'utf16CodeUnits',
      },
    ],
  };
}

function idOf({ property, code }: Checked): string {
  return code ?? ruleOf(property);
}

function describe(id: string): string {
  return Object.hasOwn(REASONS, id)
    ? REASONS[id as Reason].sentence
    : `A property of the network: ${id}.`;
}

/** FNV-1a over what was checked (64 bits as two halves of 32, offset by their seeds). */
function fingerprint(each: Checked): string {
  const text = [idOf(each), each.property.name, each.subject].join('\u0000');
  return [0x811c9dc5, 0x01000193].map((seed) => hash(text, seed)).join('');
}

function hash(text: string, seed: number): string {
  let value = seed;
  for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, '0');
}

/**
 * A relative reference below the repository (SARIF 2.1.0 §3.4.4), or where the file lies elsewhere a
 * whole `file:` URI (RFC 8089), which has no base.
 */
function placeOf(file: string): { readonly uri: string; readonly uriBaseId?: string } {
  const path = file.replaceAll('\\', '/').replace(/^(\.\/)+/, '');
  const encoded = path.split('/').map(encodeURIComponent).join('/');
  if (path.startsWith('/')) return { uri: `file://${encoded}` };
  return { uri: encoded, uriBaseId: '%SRCROOT%' };
}
