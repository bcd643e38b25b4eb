// Reads the next item of a sequence while the present one is worked on.

/** The items in order; one more than is being worked on is in memory. */
export async function* readAhead<Item>(items: AsyncIterable<Item>): AsyncGenerator<Item> {
  const iterator = items[Symbol.asyncIterator]();
  const ask = (): Promise<IteratorResult<Item, unknown>> => {
    const next = iterator.next();
    // A failure is met when the item's turn comes; until then it is not an unhandled one.
    next.catch(() => undefined);
    return next;
  };
  for (let next = ask(); ;) {
    const { done, value } = await next;
    if (done) return;
    next = ask();
    yield value;
  }
}
