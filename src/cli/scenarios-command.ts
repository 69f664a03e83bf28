/** `hopwise scenarios [DIR]`: clouds with expectations, each compiled, broken and traced. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Command } from 'commander';
import { type Cloud } from '../model/cloud.ts';
import { forTerminal } from '../text/escape.ts';
import { problemLine } from '../text/problem.ts';
import { type CompiledCloud } from '../verify/scenarios/run.ts';
import { EXIT, UsageError } from './exit-codes.ts';
import { type Call } from './io.ts';

/** Adds the command to the tree. */
export function addScenarios(root: Command, call: Call): void {
  root
    .command('scenarios')
    .description('compile clouds and check who reaches whom, as each folder expects')
    .argument('[dir]', 'a folder with cloud.yaml and expect.yaml, or a folder of such', 'scenarios')
    .action((dir: string) => run(call, dir));
}

async function run(call: Call, dir: string): Promise<void> {
  const found = foldersOf(dir);
  const [{ readCloudYaml }, { readExpectations }, { compileCloud, runScenario }] =
    await Promise.all([
      import('../model/yaml/read-cloud.ts'),
      import('../verify/scenarios/expectations.ts'),
      import('../verify/scenarios/run.ts'),
    ]);
  let failed = 0;
  // Folders that share a cloud share what it compiles to.
  const clouds = new Map<string, CompiledCloud>();
  for (const folder of found) {
    const file = join(folder, 'expect.yaml');
    const { value, problems } = readExpectations(file, readFileSync(file, 'utf8'));
    if (problems.length > 0) {
      throw new UsageError(
        `${file} cannot be read`,
        ...problems.map((each) => forTerminal(problemLine(each))),
      );
    }
    const source = join(folder, 'cloud.yaml');
    if (!existsSync(source)) throw new UsageError(`there is no ${source}`);
    const text = readFileSync(source, 'utf8');
    const compile = (cloud: Cloud): CompiledCloud => {
      const known = clouds.get(text) ?? compileCloud(cloud);
      clouds.set(text, known);
      return known;
    };
    const answers = runScenario(readCloudYaml(source, text), compile, value);
    const wrong = answers.filter(({ otherwise }) => otherwise.length > 0);
    failed += wrong.length;
    const mark = wrong.length === 0 ? '✓' : '✗';
    const counts = `${answers.length - wrong.length} of ${answers.length}`;
    call.io.out.write(`${mark} ${forTerminal(folder)}  ${counts}\n`);
    for (const { line, what, otherwise } of wrong) {
      call.io.out.write(`  ${forTerminal(file)}:${line}: ${forTerminal(what)}\n`);
      for (const sentence of otherwise) call.io.out.write(`    ${forTerminal(sentence)}\n`);
    }
  }
  call.exitCode = failed === 0 ? EXIT.yes : EXIT.no;
}

function foldersOf(dir: string): readonly string[] {
  if (existsSync(join(dir, 'expect.yaml'))) return [dir];
  if (!existsSync(dir)) throw new UsageError(`there is no folder ${dir}`);
  const found = readdirSync(dir)
    .map((name) => join(dir, name))
    .filter((folder) => existsSync(join(folder, 'expect.yaml')));
  if (found.length === 0)
    throw new UsageError(`${dir} holds no scenario (cloud.yaml, expect.yaml)`);
  return found.sort();
}
