// Orders the roots into loops: equal extents share one loop wherever the dependencies allow, so rows are read once.
import type { NodeId } from '../program/tensorProgram.js';
import type { Analysis, Root } from './analysis.js';

/** One loop over `extent`, filling its roots. */
export interface LoopNest {
  readonly extent: number;
  readonly roots: readonly Root[];
}

export interface Schedule {
  /** Loops over the data alone, run once when the program is bound. */
  readonly setup: readonly LoopNest[];
  /** Loops of every evaluation, in order. */
  readonly perEvaluation: readonly LoopNest[];
}

export function schedule(analysis: Analysis): Schedule {
  const all = [...analysis.roots.values()];
  const setup = all.filter((root) => !analysis.varies[root.node]);
  const varying = all.filter((root) => analysis.varies[root.node]);
  return { setup: arrange(setup, analysis), perEvaluation: arrange(varying, analysis) };
}

function arrange(roots: readonly Root[], analysis: Analysis): LoopNest[] {
  const ids = new Set(roots.map((root) => root.node));
  const below = new Map(roots.map((r) => [r.node, [...analysis.dependencies.get(r.node)!].filter((d) => ids.has(d))]));
  const above = new Map<NodeId, NodeId[]>(roots.map((root) => [root.node, []]));
  for (const [id, inputs] of below) for (const input of inputs) above.get(input)!.push(id);

  const pinned = new Map<NodeId, number>();
  const earliest = (): Map<NodeId, number> => {
    const stage = new Map<NodeId, number>();
    for (const { node } of roots) {
      const own = below.get(node)!.reduce((latest, input) => Math.max(latest, stage.get(input)! + 1), 0);
      stage.set(node, Math.max(own, pinned.get(node) ?? 0));
    }
    return stage;
  };
  const latest = (horizon: number): Map<NodeId, number> => {
    const stage = new Map<NodeId, number>();
    for (const { node } of [...roots].reverse()) {
      stage.set(
        node,
        pinned.get(node) ?? above.get(node)!.reduce((first, user) => Math.min(first, stage.get(user)! - 1), horizon),
      );
    }
    return stage;
  };

  // Longest loops first: each loop starts at the earliest deadline of what is still open and takes all that can join it.
  const extents = [...new Set(roots.map((root) => root.extent))].sort((a, b) => b - a);
  for (const extent of extents) {
    const open = new Set(roots.filter((root) => root.extent === extent).map((root) => root.node));
    while (open.size > 0) {
      const asap = earliest();
      const alap = latest(Math.max(0, ...asap.values()));
      const deadline = Math.min(...[...open].map((node) => alap.get(node)!));
      for (const node of open) {
        // Pinning one root may push others back, so their earliest stages are taken anew.
        if (earliest().get(node)! > deadline) continue;
        pinned.set(node, deadline);
        open.delete(node);
      }
    }
  }

  const stages = earliest();
  const nests = new Map<string, { stage: number; extent: number; roots: Root[] }>();
  for (const root of roots) {
    const stage = stages.get(root.node)!;
    const key = `${stage}:${root.extent}`;
    const nest = nests.get(key) ?? { stage, extent: root.extent, roots: [] };
    nest.roots.push(root);
    nests.set(key, nest);
  }
  return [...nests.values()].sort((a, b) => a.stage - b.stage || b.extent - a.extent);
}
