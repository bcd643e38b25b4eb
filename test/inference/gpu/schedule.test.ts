// Schedules do what the lists say, one request after another, in as few stages as their dependencies allow.
import { describe, expect, it } from 'vitest';
import { type Placed, schedule, type Stage } from '../../../src/inference/gpu/schedule.js';
import type { PhasePoint, Request } from '../../../src/inference/phaseSpace/requests.js';
import type { RandomStream } from '../../../src/inference/random/streams.js';

const priorVariances = new Float64Array(1);
const position = new Float64Array(1);
const stream: RandomStream = { uniform: () => 0.5, bernoulli: () => true, fillNormal: (target) => target.fill(0) };

const slotCount = 5;
const slot = () => Math.floor(Math.random() * slotCount);
const at = (): PhasePoint => ({ point: slot(), momentum: slot() });

function anyRequest(): Request {
  const span = () => ({ begin: slot(), end: slot(), sum: slot() });
  const makers: (() => Request)[] = [
    () => ({ kind: 'evaluate', point: slot() }),
    () => ({ kind: 'leapfrog', from: at(), to: at(), stepSize: 0.1 }),
    () => ({ kind: 'refresh', at: at(), stream }),
    () => ({ kind: 'turning', left: span(), right: span(), sum: slotCount + slot() }),
    () => ({ kind: 'turning', left: span(), right: span(), sum: slot() }),
    () => ({ kind: 'write', point: slot(), position }),
    () => ({ kind: 'read', point: slot(), vector: 'position', target: position }),
    () => ({ kind: 'report', point: slot(), target: position, isCounted: true }),
    () => ({ kind: 'observe', point: slot() }),
    () => ({ kind: 'adapt', priorVariances }),
  ];
  return makers[Math.floor(Math.random() * makers.length)]();
}

/** Vectors as text that says how they came about; returns what a request answers. */
class SymbolicSpace {
  private readonly points = new Map<number, string>();
  private readonly momenta = new Map<number, string>();
  private moments = '';
  private reports = '';

  carryOut(request: Request, index: number): string {
    const point = (k: number) => this.points.get(k) ?? `q${k}`;
    const momentum = (k: number) => this.momenta.get(k) ?? `p${k}`;
    const as = (inputs: readonly string[]) => digest(`${index} ${inputs.join(' ')}`);
    switch (request.kind) {
      case 'evaluate':
        this.points.set(request.point, as([point(request.point)]));
        return point(request.point);
      case 'leapfrog': {
        const result = as([point(request.from.point), momentum(request.from.momentum)]);
        this.points.set(request.to.point, `q ${result}`);
        this.momenta.set(request.to.momentum, `p ${result}`);
        return result;
      }
      case 'refresh':
        this.momenta.set(request.at.momentum, as([]));
        return '';
      case 'turning': {
        const { left, right, sum } = request;
        const result = as([left.begin, left.end, left.sum, right.begin, right.end, right.sum].map(momentum));
        this.momenta.set(sum, result);
        return result;
      }
      case 'write':
        this.points.set(request.point, as([]));
        return '';
      case 'read':
        return point(request.point);
      case 'report':
        this.reports = as([this.reports, point(request.point)]);
        return this.reports;
      case 'observe':
        this.moments = as([this.moments, point(request.point)]);
        return '';
      case 'adapt':
        this.moments = as([this.moments]);
        return this.moments;
      default:
        throw new Error(request satisfies never);
    }
  }
}

function digest(text: string): string {
  let hash = 0;
  for (const character of text) hash = (Math.imul(hash, 31) + character.charCodeAt(0)) | 0;
  return String(hash);
}

function inOrder(list: readonly Request[]): string[] {
  const space = new SymbolicSpace();
  return list.map((request, index) => space.carryOut(request, index));
}

function asScheduled(lists: readonly (readonly Request[] | undefined)[], stages: readonly Stage[]): string[][] {
  const spaces = lists.map(() => new SymbolicSpace());
  const answers = lists.map((list) => new Array<string>(list?.length ?? 0).fill('never'));
  for (const { requests } of stages) {
    // Requests of a stage are carried out at once, so their order must not matter.
    for (const { chain, index, request } of shuffled(requests as readonly Placed[])) {
      answers[chain][index] = spaces[chain].carryOut(request, index);
    }
  }
  return answers;
}

function shuffled<T>(values: readonly T[]): T[] {
  return values
    .map((value): [number, T] => [Math.random(), value])
    .sort(([a], [b]) => a - b)
    .map(([, value]) => value);
}

/** A trajectory of NUTS of 2^depth steps, every vector in a slot of its own. */
function subtree(depth: number): Request[] {
  const list: Request[] = [{ kind: 'refresh', at: { point: 0, momentum: 0 }, stream }];
  const pieces: { begin: number; end: number; sum: number }[] = [];
  let next = 2 ** depth + 1;
  for (let leaf = 0; leaf < 2 ** depth; leaf++) {
    const [from, to] = [leaf, leaf + 1].map((k) => ({ point: k, momentum: k }));
    list.push({ kind: 'leapfrog', from, to, stepSize: 0.1 });
    pieces.push({ begin: leaf + 1, end: leaf + 1, sum: leaf + 1 });
    for (let ones = leaf; ones % 2 === 1; ones = (ones - 1) / 2) {
      const right = pieces.pop()!;
      const left = pieces.pop()!;
      list.push({ kind: 'turning', left, right, sum: next });
      pieces.push({ begin: left.begin, end: right.end, sum: next++ });
    }
  }
  return list;
}

describe('a schedule', () => {
  it('gives what the lists give in order', () => {
    for (let trial = 0; trial < 400; trial++) {
      const lists = Array.from({ length: 3 }, () =>
        Math.random() < 0.2 ? undefined : Array.from({ length: Math.floor(Math.random() * 30) }, anyRequest),
      );
      const { stages } = schedule(lists);
      expect(asScheduled(lists, stages), JSON.stringify(lists)).toEqual(lists.map((list) => inOrder(list ?? [])));
    }
  });

  it("evaluates every chain's k-th gradient in round k", () => {
    const lists = [subtree(3), undefined, subtree(1)];
    const { stages, rounds } = schedule(lists);
    expect(rounds).toBe(8);
    const evaluated = stages.flatMap((stage) =>
      stage.kind === 'round' ? [stage.requests.map(({ chain }) => chain)] : [],
    );
    expect(evaluated).toEqual([[0, 2], [0, 2], [0], [0], [0], [0], [0], [0]]);
  });

  it('tests for turns after the last round, one stage per level of the tree', () => {
    const { stages } = schedule([subtree(4), subtree(4)]);
    expect(stages.map(({ kind }) => kind)).toEqual([
      'refresh',
      ...new Array<string>(16).fill('round'),
      ...new Array<string>(4).fill('turning'),
    ]);
    expect(stages.slice(-4).map(({ requests }) => requests.length)).toEqual([16, 8, 4, 2]);
  });
});
