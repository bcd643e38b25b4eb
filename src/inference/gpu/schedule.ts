// In which order the lists of all chains are carried out together: rounds of gradients, and stages of everything else between them.
import type { BatchedRequest, Request } from '../phaseSpace/requests.js';
import { isBatched } from '../phaseSpace/requests.js';

/** A request with its chain and its place in the chain's list. */
export interface Placed<R extends Request = Request> {
  readonly chain: number;
  readonly index: number;
  readonly request: R;
}

type OtherKind = Exclude<Request, BatchedRequest>['kind'];

/** Requests that can be carried out at once: the same round's gradients, or requests of one kind that do not touch each other. */
export type Stage =
  | { readonly kind: 'round'; readonly round: number; readonly requests: readonly Placed<BatchedRequest>[] }
  | {
      [K in OtherKind]: { readonly kind: K; readonly requests: readonly Placed<Extract<Request, { kind: K }>>[] };
    }[OtherKind];

export interface Schedule {
  readonly stages: readonly Stage[];
  readonly rounds: number;
}

type Lists = readonly (readonly Request[] | undefined)[];

const otherKinds: readonly OtherKind[] = ['write', 'refresh', 'turning', 'observe', 'adapt', 'report', 'read'];

/**
 * Every chain's k-th gradient is in round k. A request between gradients waits as long as it can: until the gap before the
 * first round that would spoil what it reads or needs what it writes, for most the gap after the last round, so that
 * few stages serve many requests. Within a gap its level is one above the requests of its own list that come before it and
 * touch what it touches.
 */
export function schedule(lists: Lists): Schedule {
  const rounds = Math.max(
    0,
    ...lists.map((list) => list?.reduce((n, request) => n + Number(isBatched(request)), 0) ?? 0),
  );
  const gradients: Placed<BatchedRequest>[][] = Array.from({ length: rounds }, () => []);
  const gaps: Map<number, Placed[]>[] = Array.from({ length: rounds + 1 }, () => new Map<number, Placed[]>());
  lists.forEach((list, chain) => {
    if (list === undefined) return;
    const places = placesOf(list, rounds);
    list.forEach((request, index) => {
      const place = places[index];
      if (isBatched(request)) gradients[place.gap].push({ chain, index, request });
      else {
        const placed = gaps[place.gap].get(place.level);
        if (placed === undefined) gaps[place.gap].set(place.level, [{ chain, index, request }]);
        else placed.push({ chain, index, request });
      }
    });
  });
  const stages: Stage[] = [];
  for (const [gap, levels] of gaps.entries()) {
    for (const level of [...levels.keys()].sort((a, b) => a - b)) {
      for (const kind of otherKinds) {
        const requests = levels.get(level)!.filter(({ request }) => request.kind === kind);
        if (requests.length > 0) stages.push({ kind, requests } as Stage);
      }
    }
    if (gap < rounds) stages.push({ kind: 'round', round: gap, requests: gradients[gap] });
  }
  return { stages, rounds };
}

/** For a gradient: `gap` is its round. For another request: the gap (before that round), and the level within it. */
interface Place {
  readonly gap: number;
  level: number;
}

function placesOf(list: readonly Request[], rounds: number): Place[] {
  const places = new Array<Place>(list.length);
  const touched = list.map(cellsOf);
  let round = list.reduce((n, request) => n + Number(isBatched(request)), 0);
  // Backwards: a request must be done before the first later one that writes what it touches, or reads what it writes.
  const [readBefore, writtenBefore] = [new Map<number, number>(), new Map<number, number>()];
  for (let i = list.length - 1; i >= 0; i--) {
    const { reads, writes } = touched[i];
    let gap = rounds;
    if (isBatched(list[i])) gap = --round;
    else {
      for (const cell of reads) gap = Math.min(gap, writtenBefore.get(cell) ?? gap);
      for (const cell of writes) gap = Math.min(gap, writtenBefore.get(cell) ?? gap, readBefore.get(cell) ?? gap);
    }
    for (const cell of reads) readBefore.set(cell, Math.min(gap, readBefore.get(cell) ?? gap));
    for (const cell of writes) writtenBefore.set(cell, Math.min(gap, writtenBefore.get(cell) ?? gap));
    places[i] = { gap, level: 0 };
  }
  // Forwards: the lowest level within the gap that is free, by cell and gap.
  const [afterRead, afterWrite] = [new Map<number, number>(), new Map<number, number>()];
  for (let i = 0; i < list.length; i++) {
    if (isBatched(list[i])) continue;
    const place = places[i];
    const { reads, writes } = touched[i];
    const key = (cell: number): number => cell * (rounds + 1) + place.gap;
    for (const cell of reads) place.level = Math.max(place.level, afterWrite.get(key(cell)) ?? 0);
    for (const cell of writes) {
      place.level = Math.max(place.level, afterWrite.get(key(cell)) ?? 0, afterRead.get(key(cell)) ?? 0);
    }
    const next = place.level + 1;
    for (const cell of reads) afterRead.set(key(cell), Math.max(next, afterRead.get(key(cell)) ?? 0));
    for (const cell of writes) afterWrite.set(key(cell), next);
  }
  return places;
}

/** What a request reads and writes on the device: cells that stand for a chain's slots, and for its moments. */
function cellsOf(request: Request): { readonly reads: readonly number[]; readonly writes: readonly number[] } {
  switch (request.kind) {
    case 'evaluate':
      return { reads: [point(request.point)], writes: [point(request.point)] };
    case 'leapfrog': {
      const { from, to } = request;
      return {
        reads: [point(from.point), momentum(from.momentum)],
        writes: [point(to.point), momentum(to.momentum)],
      };
    }
    case 'refresh':
      return { reads: [], writes: [momentum(request.at.momentum)] };
    case 'turning': {
      const { left, right, sum } = request;
      const read = [left.begin, left.end, left.sum, right.begin, right.end, right.sum];
      return { reads: read.map(momentum), writes: [momentum(sum)] };
    }
    case 'write':
      return { reads: [], writes: [point(request.point)] };
    case 'read':
      return { reads: [point(request.point)], writes: [] };
    case 'report':
      return { reads: [point(request.point), reports], writes: [reports] };
    case 'observe':
      return { reads: [point(request.point), moments], writes: [moments] };
    case 'adapt':
      return { reads: [moments], writes: [moments] };
    default:
      throw new Error(request satisfies never);
  }
}

const moments = 0;
const reports = -1;
const point = (slot: number): number => 1 + 2 * slot;
const momentum = (slot: number): number => 2 + 2 * slot;
