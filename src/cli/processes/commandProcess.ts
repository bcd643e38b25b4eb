// Entry of a process that another one watches: the hierax command, which stops and saves when that one is gone.
import { runCommandLine } from '../commandLine.js';

// Nobody reads what is said any more when the watcher is gone.
process.stderr.on('error', () => undefined);
process.once('disconnect', () => process.kill(process.pid, 'SIGINT'));
// The channel to it must not keep a finished command alive.
process.channel?.unref();
await runCommandLine(process.argv.slice(2));
