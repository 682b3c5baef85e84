// What a decider tells of those that poll.

/** How many bulk requests were answered by 304, as it counts them. */
export const unmodified = async (decider) => {
  const text = await (await fetch(`${decider}/metrics`)).text();
  return Number(/^attune_decider_bulk_not_modified_total (\d+)$/m.exec(text)[1]);
};
