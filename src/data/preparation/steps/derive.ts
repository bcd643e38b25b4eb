// derive: columns from SQL expressions over the columns there are, one after another.
import { z } from 'zod';
import { text } from '../../schemaParts.js';
import { defineStep } from '../step.js';

export const deriveStep = defineStep({
  name: 'derive',
  kind: 'rowwise',
  schema: z.strictObject({ derive: z.record(text, z.union([text, z.number()])) }),
  example: '{derive: {log_units: ln(units)}}',
  run: async (rows, { derive }) => {
    const changes: string[] = [];
    for (const [name, expression] of Object.entries(derive)) {
      const isNew = !rows.types.has(name);
      if (isNew) rows.needFree([name]);
      await rows.change([[name, String(expression)]]);
      changes.push(`${isNew ? 'added' : 'replaced'} ${name} = ${expression}`);
    }
    return changes;
  },
});
