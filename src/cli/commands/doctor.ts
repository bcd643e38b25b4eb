// `hierax doctor`: tries everything that a fit needs and says what works, what is missing and how to get it.
import type { CommandModule } from 'yargs';
import { InputError } from '../../data/inputError.js';
import { exitCodes } from '../exitCodes.js';

interface DoctorArguments {
  readonly json?: boolean;
  readonly out?: unknown;
}

export const doctorCommand: CommandModule<object, DoctorArguments> = {
  command: 'doctor',
  describe: 'devices found, what each can do, what is missing and how to get it',
  builder: (yargs) =>
    yargs.options({
      json: { describe: 'print JSON', type: 'boolean', default: false },
      out: { describe: 'folder that results are to go to', requiresArg: true, default: '.' },
    }),
  /** Exit code 1 when the cpu device does not work. */
  handler: async ({ json, out = '.' }) => {
    if ((typeof out !== 'string' && typeof out !== 'number') || out === '')
      throw new InputError('--out must name one folder, like --out runs', { value: out });
    const { doctorReport, formatDoctorReport, machineProbes } = await import('../doctor/doctorReport.js');
    const report = await doctorReport(machineProbes(String(out)));
    process.stdout.write(json ? `${JSON.stringify(report, null, 2)}\n` : formatDoctorReport(report));
    if (!report.isUsable) process.exitCode = exitCodes.unforeseen;
  },
};
