// How a chain's draws reach the listener: what is asked of phase space for each, and the arrays that the answers come in.
import type { Draw, DrawListener, Phase } from './chain.js';
import type { PhaseSpaces } from './phaseSpace/phaseSpaces.js';
import type { Request } from './phaseSpace/requests.js';

const nothing = new Float64Array(0);

/** A draw's vectors, filled when the requests are answered. */
export interface DrawReading {
  readonly requests: readonly Request[];
  readonly vectors: Pick<Draw, 'position' | 'sites'>;
}

export class DrawReader {
  private position = nothing;
  private sites = nothing;

  constructor(
    private readonly spaces: PhaseSpaces,
    private readonly listener: DrawListener,
    private readonly chain: number,
  ) {}

  /** What the listener wants of a draw that lies in slot `point`. */
  read(phase: Phase, index: number, point: number): DrawReading {
    const { spaces, listener, chain } = this;
    const requests: Request[] = [];
    const isWanted = listener.wantsDraw(chain, phase, index);
    if (isWanted) {
      if (this.position === nothing) this.position = new Float64Array(spaces.dimension);
      requests.push({ kind: 'read', point, vector: 'position', target: this.position });
    }
    const position = isWanted ? this.position : nothing;
    const wanted = spaces.reportedValues === undefined ? 'nothing' : listener.wantsSites(chain, phase, index);
    if (wanted === 'nothing') return { requests, vectors: { position } };
    if (this.sites === nothing) this.sites = new Float64Array(spaces.reportedValues!);
    const { sites } = this;
    requests.push({ kind: 'report', point, target: sites, isCounted: wanted === 'values and sums' });
    return { requests, vectors: { position, sites } };
  }
}
