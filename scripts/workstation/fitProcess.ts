// Entry of the process of one fit: the hierax command, which stops and saves when the workstation script is gone.
import { runCommandLine } from '../../src/cli/commandLine.js';

// Nobody reads what is said any more when the script is gone.
process.stderr.on('error', () => undefined);
process.once('disconnect', () => process.kill(process.pid, 'SIGINT'));
// The channel to the script must not keep a finished command alive.
process.channel?.unref();
await runCommandLine(process.argv.slice(2));
