// What grids leave behind them: shares of sums, added up by a grid of their own, or where they are few by one workgroup.
import type { NodeId } from '../../program/tensorProgram.js';
import { joined } from './kernelText.js';
import type { Combine, EmittedLoop, GpuProgramSource, JoinPieces, LowParts, WorkgroupShape } from './loopPlan.js';
import type { LaneArray } from './wgslMemory.js';
import type { WgslTarget } from './wgslTarget.js';

/** Sums of all workgroups that one workgroup adds up at most, one after another: each takes some barriers. */
const fewSums = 8;
/** Shares of an invocation, at most, where one workgroup joins them. */
const fewShares = 16;

export class Joins {
  private readonly combine: Combine[] = [];
  private readonly join: JoinPieces[] = [];

  constructor(
    private readonly program: GpuProgramSource,
    private readonly shape: WorkgroupShape,
    private readonly low: LowParts,
  ) {}

  take({ combine, join }: Pick<EmittedLoop, 'combine' | 'join'>): void {
    this.combine.push(...combine);
    this.join.push(...join);
  }

  /** Roots that are complete only when their shares are joined. */
  get nodes(): readonly NodeId[] {
    return [...this.combine, ...this.join].map(({ node }) => node);
  }

  /** Whether one workgroup takes hardly longer than a dispatch costs. */
  get areFew(): boolean {
    const sums = this.combine.reduce((total, { size }) => total + size, 0);
    const shares = [
      ...this.combine.map(({ size, blocks }) => size * blocks),
      ...this.join.map(({ groups, inner }) => groups.pieces * inner),
    ];
    return sums <= fewSums && shares.reduce((total, own) => total + own, 0) <= fewShares * this.shape.slots;
  }

  /** All of it, as a part of a kernel of one workgroup. */
  smallLines(target: WgslTarget): string[] {
    const { slots } = this.shape;
    return [
      ...this.combine.flatMap((combine) => [
        `for (var element = 0; element < ${combine.size}; element++) {`,
        ...this.combineLines(combine, target),
        '}',
      ]),
      ...this.join.flatMap((join) => [
        `for (var element = slot; element < ${join.groups.count * join.inner}; element += ${slots}) {`,
        ...this.joinLines(join, target),
        '}',
      ]),
    ];
  }

  /** The body of one kernel for all: each element of a sum is one workgroup's, and each element of a group one invocation's. */
  grid(target: WgslTarget): { readonly lines: readonly string[]; readonly blocks: number } {
    const { slots } = this.shape;
    const lines: string[] = [];
    let blocks = 0;
    for (const combine of this.combine) {
      lines.push(`if (block >= ${blocks} && block < ${blocks + combine.size}) {`);
      lines.push(`let element = block - ${blocks};`, ...this.combineLines(combine, target), '}');
      blocks += combine.size;
    }
    for (const join of this.join) {
      const elements = join.groups.count * join.inner;
      const own = Math.ceil(elements / slots);
      lines.push(`if (block >= ${blocks} && block < ${blocks + own}) {`);
      lines.push(`let element = (block - ${blocks}) * ${slots} + slot;`);
      lines.push(`if (element < ${elements}) {`, ...this.joinLines(join, target), '}', '}');
      blocks += own;
    }
    return { lines, blocks };
  }

  private combineLines({ node, fn, size, blocks, partial, partialLow }: Combine, target: WgslTarget): string[] {
    const { slots } = this.shape;
    const { groupCount } = this.program.memory;
    const type = this.program.laneType;
    const at = ({ page, start }: LaneArray): string =>
      `lanes${page}[${start} + (share * ${size} + element) * ${groupCount} + group]`;
    const of = ({ page, start }: LaneArray): string => `lanes${page}[${start} + element * ${groupCount} + group]`;
    const root = this.program.roots.get(node)!;
    target.touch(partial, blocks * size);
    target.touch(root, size);
    const loop = (body: string): string => `for (var share = slot; share < ${blocks}; share += ${slots}) { ${body} }`;
    if (partialLow === undefined) {
      const first = { sum: '0.0', prod: '1.0', max: '-3.4028234663852886e38', min: '3.4028234663852886e38' }[fn];
      return [
        `var sum = ${type}(${first});`,
        loop(`sum = ${joined(fn, 'sum', at(partial))};`),
        `let all = join_${fn}(sum, ${slots});`,
        `if (slot == 0) { ${of(root)} = all; }`,
      ];
    }
    const low = this.low.get(node)!;
    target.touch(low, size);
    target.touch(partialLow, blocks * size);
    target.uses.zero = true;
    return [
      `var sum = ${type}(0.0);`,
      `var sumLow = ${type}(0.0);`,
      loop(`addToPair(&sum, &sumLow, ${at(partial)}); sumLow += ${at(partialLow)};`),
      'let all = joinPairs(sum, sumLow);',
      `if (slot == 0) { ${of(root)} = all.high; ${of(low)} = all.low; }`,
    ];
  }

  private joinLines({ node, groups, inner, partial }: JoinPieces, target: WgslTarget): string[] {
    const { groupCount } = this.program.memory;
    const root = this.program.roots.get(node)!;
    target.touch(partial, groups.pieces * inner);
    target.touch(root, groups.count * inner);
    const piece = (at: string): string => target.stored(groups.firstPiece!, at, true);
    return [
      `let own = element / ${inner};`,
      `let end = ${piece('own + 1')};`,
      `var sum = ${this.program.laneType}(0.0);`,
      `for (var p = ${piece('own')}; p < end; p++) {`,
      `sum += lanes${partial.page}[${partial.start} + (p * ${inner} + element % ${inner}) * ${groupCount} + group];`,
      '}',
      `lanes${root.page}[${root.start} + element * ${groupCount} + group] = sum;`,
    ];
  }
}
