// All points come with every change: only those that have moved are sent.
locals.sent = locals.sent || []
for (let n = 0; 2 * n < value.length; n++) {
  const [x, y] = value.slice(2 * n, 2 * n + 2)
  if (x === locals.sent[2 * n] && y === locals.sent[2 * n + 1]) continue
  send(`/pad/${n + 1}/xy`, x, y)
}
locals.sent = value.slice()
