// The training, as fit does it: batches of rows in an order, gradients of their mean, a step of the optimiser.
class Training {
  constructor(data, program) {
    Object.assign(this, { data, program, lr: null, batch: data.batch, shuffles: true });
    this.reset();
  }
  reset() {
    this.weights = [...this.data.weights];
    this.buffers = Object.fromEntries(this.data.optimizer.buffers.map((name) => [name, new Array(this.data.trained.length).fill(0)]));
    this.order = this.data.rows.map((_, i) => i);
    this.random = (this.data.seed >>> 0) + 1;
    this.steps = this.epochs = this.next = 0;
    this.curve = [];
  }
  // The learning rate of the next step: the one that somebody chose, else the optimiser's, which at the end of its schedule stays.
  rate() {
    const { rates } = this.data.optimizer;
    return this.lr ?? rates[Math.min(this.steps, rates.length - 1)];
  }
  // A number from 0 to 1 (mulberry32).
  draw() {
    this.random = (this.random + 0x6d2b79f5) | 0;
    let t = Math.imul(this.random ^ (this.random >>> 15), 1 | this.random);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  }
  step() {
    if (this.next === 0 && !this.shuffles) this.order.sort((a, b) => a - b);
    if (this.next === 0 && this.shuffles) {
      for (let last = this.order.length - 1; last > 0; last--) {
        const other = Math.floor(this.draw() * (last + 1));
        [this.order[last], this.order[other]] = [this.order[other], this.order[last]];
      }
    }
    const rows = this.order.slice(this.next, this.next + this.batch).map((i) => this.data.rows[i]);
    const [loss, gradients] = this.program.backward(rows, this.weights);
    if (!Number.isFinite(loss) || !gradients.every(Number.isFinite)) throw new RangeError("the loss or a gradient is not finite; a lower learning rate may help");
    const { trained, optimizer } = this.data;
    let own = trained.map((i) => gradients[i]);
    const norm = optimizer.maxNorm === null ? 0 : Math.hypot(...own);
    if (optimizer.maxNorm !== null && norm > optimizer.maxNorm) own = own.map((g) => g * (optimizer.maxNorm / norm));
    const weights = trained.map((i) => this.weights[i]);
    this.program.step(weights, own, this.buffers, optimizer.options, this.rate(), this.steps + 1);
    trained.forEach((i, k) => { this.weights[i] = weights[k]; });
    this.steps += 1;
    this.next += this.batch;
    if (this.next >= this.order.length) { this.next = 0; this.epochs += 1; }
    return loss;
  }
  epoch() {
    do this.step(); while (this.next);
  }
  loss(rows) {
    if (!rows.length) return NaN;
    let total = 0;
    for (const [one] of this.program.forward(rows, this.weights)) total += one;
    return total / rows.length;
  }
  // Note the losses; of a long training every second point is left out.
  note() {
    if (this.curve.at(-1)?.[0] === this.steps) this.curve.pop();
    this.curve.push([this.steps, this.loss(this.data.rows), this.loss(this.data.judged)]);
    if (this.curve.length > 1200) this.curve = this.curve.filter((_, i) => i % 2 === 0);
  }
}
