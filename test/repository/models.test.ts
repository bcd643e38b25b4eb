// docs/models.md against the code: every key of a model definition, every parameter constructor, every site of the three-level model.
import ts from 'typescript';
import { expect, it } from 'vitest';
import { models } from '../../src/models/registry.js';
import * as parameters from '../../src/models/parameters.js';
import { read } from './checkout.js';

const text = read('docs/models.md');
const section = (heading: string): string => text.split(`\n## ${heading}\n`)[1].split('\n## ')[0];
const keysOf = (markdown: string): string[] => [...markdown.matchAll(/^\| `(\w+)`/gm)].map(([, key]) => key);

/** Members of an interface with whether they may be left out. */
function members(file: string, name: string): Map<string, boolean> {
  const found = new Map<string, boolean>();
  for (const statement of ts.createSourceFile(file, read(file), ts.ScriptTarget.ES2022).statements) {
    if (!ts.isInterfaceDeclaration(statement) || statement.name.text !== name) continue;
    for (const { name: member, questionToken } of statement.members) {
      if (member !== undefined && ts.isIdentifier(member)) found.set(member.text, questionToken !== undefined);
    }
  }
  return found;
}

it('lists every key of a model definition, and which are needed', () => {
  const defined = members('src/models/model.ts', 'ModelDefinition');
  expect(defined.size).toBeGreaterThan(8);
  const table = section('A model of your own');
  expect(keysOf(table).sort()).toEqual([...defined.keys()].sort());
  const needed = [...table.matchAll(/^\| `(\w+)` +\| yes /gm)].map(([, key]) => key);
  expect(needed.sort()).toEqual([...defined].flatMap(([key, isOptional]) => (isOptional ? [] : [key])).sort());
});

it('shows every parameter constructor', () => {
  for (const name of Object.keys(parameters)) expect(section('A model of your own')).toContain(`${name}(`);
});

it('lists the sites of the three-level model', () => {
  expect(keysOf(section('Three levels')).sort()).toEqual(['beta', ...models['three-level'].priorSites].sort());
});
