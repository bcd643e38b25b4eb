// Legal but thin data, named in checks: nothing is refused, but the reader is told.
import type { ThreeLevelData } from '../../data/threeLevelData.js';
import type { DataCheck } from '../modelEntry.js';

const counted = ({ length }: readonly string[], what: string): string =>
  length === 1 ? `1 ${what} has` : `${length} ${what}s have`;

export function dataChecks(data: ThreeLevelData): DataCheck[] {
  const { notes } = data;
  const found: string[] = [];
  const named = (names: readonly string[]): string => `${names.slice(0, 5).join('; ')}${names.length > 5 ? '; …' : ''}`;
  if (notes.unitsWithOneRow.length > 0) {
    found.push(
      `${counted(notes.unitsWithOneRow, 'unit')} one row (${named(notes.unitsWithOneRow)}), borrowing almost everything from the group`,
    );
  }
  if (notes.marketsWithOneUnit.length > 0) {
    found.push(
      `${counted(notes.marketsWithOneUnit, 'market')} one unit (${named(notes.marketsWithOneUnit)}): the market's level and the unit's cannot be told apart`,
    );
  }
  if (notes.repeatedOccasions > 0) {
    found.push(
      `${notes.repeatedOccasions === 1 ? '1 row repeats' : `${notes.repeatedOccasions} rows repeat`} a unit and time that occurred before: say data.unique if that is a mistake`,
    );
  }
  const checks: DataCheck[] = [
    found.length === 0
      ? {
          name: 'thinData',
          status: 'pass',
          detail: 'Every unit has several rows, every market several units, no occasion is repeated.',
        }
      : { name: 'thinData', status: 'review', detail: `${found.join('. ')}.` },
  ];
  if (data.markets !== null) {
    const count = data.markets.names.length;
    checks.push(
      notes.fewMarkets
        ? {
            name: 'fewMarkets',
            status: 'review',
            detail: `${count} markets, fewer than eight: the market level leans on its prior; report it with the prior, or leave the level out.`,
          }
        : { name: 'fewMarkets', status: 'pass', detail: `${count} markets.` },
    );
  }
  return checks;
}
