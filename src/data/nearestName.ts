// The name that a user most likely meant: restricted Damerau–Levenshtein distance over the names that exist.

/** Number of insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`, ignoring case. */
function editDistance(a: string, b: string): number {
  const s = a.toLowerCase();
  const t = b.toLowerCase();
  let beforePrevious: number[] = [];
  let previous = Array.from({ length: t.length + 1 }, (_, j) => j);
  for (let i = 1; i <= s.length; i++) {
    const current = [i];
    for (let j = 1; j <= t.length; j++) {
      const substitution = previous[j - 1] + (s[i - 1] === t[j - 1] ? 0 : 1);
      let best = Math.min(previous[j] + 1, current[j - 1] + 1, substitution);
      const isSwap = i > 1 && j > 1 && s[i - 1] === t[j - 2] && s[i - 2] === t[j - 1];
      if (isSwap) best = Math.min(best, beforePrevious[j - 2] + 1);
      current.push(best);
    }
    beforePrevious = previous;
    previous = current;
  }
  return previous[t.length];
}

/** The nearest of `names` within one edit for every three letters (at least one), or null. */
export function nearestName(name: string, names: Iterable<string>): string | null {
  let nearest: string | null = null;
  let smallest = Math.max(1, Math.floor(name.length / 3));
  for (const candidate of names) {
    const distance = editDistance(name, candidate);
    if (distance < smallest || (distance === smallest && nearest === null)) {
      smallest = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

/** "did you mean 'priors'?" where a name is near, else the list of what there is ("known: a, b, c"). */
export function suggestion(name: string, names: readonly string[], kind = 'known'): string {
  const nearest = nearestName(name, names);
  if (nearest !== null) return `did you mean '${nearest}'?`;
  const shown = names.slice(0, 12).join(', ');
  return `${kind}: ${shown}${names.length > 12 ? `, … (${names.length} in all)` : ''}`;
}
