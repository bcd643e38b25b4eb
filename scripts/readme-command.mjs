// Prints the README's main command (1) or its test command (2): the first fenced sh blocks, as they stand.
//
//     node scripts/readme-command.mjs 1
import { readFileSync } from 'node:fs';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const commands = [...readme.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, body]) => body.trimEnd());
const command = commands[Number(process.argv[2]) - 1];
if (command === undefined || command.includes('\n')) {
  console.error(`the README has no one-line sh block number ${process.argv[2]}`);
  process.exit(1);
}
console.log(command);
