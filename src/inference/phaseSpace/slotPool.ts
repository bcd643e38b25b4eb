// Numbered slots that are handed out, and found free again when nothing refers to them any more.

/** Slots are written once and then only read; `acquire` recycles the ones that `live` does not list. */
export class SlotPool {
  private free: number[] = [];
  private size = 0;

  /** Frees every slot but those listed (listed slots count as handed out). */
  keepOnly(live: readonly number[]): void {
    for (const slot of live) this.size = Math.max(this.size, slot + 1);
    this.free = [];
    for (let slot = this.size - 1; slot >= 0; slot--) if (!live.includes(slot)) this.free.push(slot);
  }

  /** A slot to write to; `live` lists all slots still referred to and is asked only when no slot is known to be free. */
  acquire(live: () => readonly number[]): number {
    if (this.free.length === 0) this.keepOnly(live());
    return this.free.pop() ?? this.size++;
  }
}
