#!/usr/bin/env node
// The hierax command.
import { hideBin } from 'yargs/helpers';
import { runCommandLine } from './commandLine.js';

await runCommandLine(hideBin(process.argv));
