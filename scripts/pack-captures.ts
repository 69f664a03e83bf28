/**
 * Packs captured deployments into test/fixtures/captures: `pack-captures.ts FOLDER…` writes one
 * Brotli-compressed JSON object of paths and texts per folder. Packets and what repeats other
 * files in another form stay out.
 */
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { brotliCompressSync, constants } from 'node:zlib';

const LEFT_OUT =
  /(^|\/)(pcap|traces|logs|pings)\/|events\.md$|nft-ruleset|dpctl-dump-flows|\/ip-\w+(-v[46])?\.txt$/;
const target = resolve(import.meta.dirname, '../test/fixtures/captures');

for (const folder of process.argv.slice(2)) {
  const files: Record<string, string> = {};
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const paths = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  for (const path of paths.sort()) {
    if (!LEFT_OUT.test(path)) files[path] = readFileSync(join(folder, path), 'utf8');
  }
  const text = Buffer.from(JSON.stringify(files));
  // One window over all phases: their dumps differ in few lines.
  const params = {
    [constants.BROTLI_PARAM_QUALITY]: 11,
    [constants.BROTLI_PARAM_LGWIN]: 24,
    [constants.BROTLI_PARAM_SIZE_HINT]: text.length,
  };
  const packed = brotliCompressSync(text, { params });
  writeFileSync(join(target, `${basename(folder)}.json.br`), packed);
  process.stdout.write(`${basename(folder)}: ${paths.length} files, ${packed.length} bytes\n`);
}
