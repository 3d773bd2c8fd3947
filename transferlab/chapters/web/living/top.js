// The fresh top of a network, trained on what the frozen layers below it say of each image: SGD with Nesterov's momentum,
// batch normalisation and a rate that rises and falls, as in training.py. This runs in a worker, and in nothing else.

// Random numbers that a seed decides.
function dice(seed) {
  let state = seed >>> 0;
  return () => {  // mulberry32
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const normal = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

function shuffled(count, random) {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const other = Math.floor(random() * (i + 1));
    [order[i], order[other]] = [order[other], order[i]];
  }
  return order;
}

// Numbers that learn: their values, the gradient of the loss, and the momentum.
const learned = (length, value = 0) =>
  ({ values: new Float32Array(length).fill(value), gradient: new Float32Array(length), moving: new Float32Array(length) });

// Layers from the frozen ones up, as {inputs, outputs, last}. The weights are He's; all but the last have normalisation and ReLU.
function freshTop(sizes, random) {
  return sizes.slice(1).map((outputs, index) => {
    const inputs = sizes[index], last = index === sizes.length - 2, weights = learned(inputs * outputs);
    for (let i = 0; i < weights.values.length; i++) weights.values[i] = normal(random) * Math.sqrt(2 / inputs);
    if (last) return { inputs, outputs, last, weights, shift: learned(outputs) };
    return { inputs, outputs, last, weights, scale: learned(outputs, 1), shift: learned(outputs),
      mean: new Float32Array(outputs), variance: new Float32Array(outputs).fill(1) };
  });
}

const SMALL = 1e-5;  // added to a variance
const SHARE = 0.1;  // of a batch's mean and variance in the running ones

// What a layer says of a batch, `count` rows of inputs. Most inputs are zeros, since ReLU made them: they are left out.
// While it learns, it normalises by the batch, and keeps what `backward` needs.
function forward(layer, inputs, count, learns) {
  const { inputs: wide, outputs: out, weights: { values } } = layer, sums = new Float32Array(count * out);
  const columns = transposed(values, out, wide);
  for (let row = 0; row < count; row++) {
    const target = sums.subarray(row * out, (row + 1) * out);
    for (let from = 0; from < wide; from++) {
      const input = inputs[row * wide + from];
      if (input === 0) continue;
      for (let to = 0, weight = from * out; to < out; to++, weight++) target[to] += input * columns[weight];
    }
  }
  layer.kept = { inputs, count };
  return layer.last ? plus(sums, layer.shift.values, count) : normalised(layer, sums, count, learns);
}

function transposed(values, rows, columns) {
  const out = new Float32Array(values.length);
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++) out[column * rows + row] = values[row * columns + column];
  return out;
}

function plus(sums, shift, count) {
  for (let row = 0, i = 0; row < count; row++) for (let to = 0; to < shift.length; to++, i++) sums[i] += shift[to];
  return sums;
}

// Batch normalisation, then ReLU.
function normalised(layer, sums, count, learns) {
  const { outputs: out, scale, shift, mean: runningMean, variance: runningVariance } = layer;
  const result = new Float32Array(sums.length), inverse = new Float32Array(out);
  for (let to = 0; to < out; to++) {
    let mean = runningMean[to], variance = runningVariance[to];
    if (learns) {
      let sum = 0, squares = 0;
      for (let i = to; i < sums.length; i += out) sum += sums[i];
      mean = sum / count;
      for (let i = to; i < sums.length; i += out) squares += (sums[i] - mean) ** 2;
      variance = squares / count;
      runningMean[to] += SHARE * (mean - runningMean[to]);
      runningVariance[to] += SHARE * (squares / (count - 1) - runningVariance[to]);
    }
    inverse[to] = 1 / Math.sqrt(variance + SMALL);
    for (let i = to; i < sums.length; i += out) {
      sums[i] = (sums[i] - mean) * inverse[to];
      result[i] = Math.max(0, scale.values[to] * sums[i] + shift.values[to]);
    }
  }
  Object.assign(layer.kept, { normal: sums, inverse, result });
  return result;
}

// The way back: from the gradient of the loss by the layer's outputs to that by its weights and, unless it is the first
// one, by its inputs.
function backward(layer, gradient, isFirst) {
  const { inputs: wide, outputs: out, weights, shift, kept: { inputs, count } } = layer;
  if (!layer.last) throughNormalisation(layer, gradient);
  else {
    shift.gradient.fill(0);
    for (let i = 0; i < gradient.length; i++) shift.gradient[i % out] += gradient[i];
  }
  const columns = new Float32Array(weights.values.length);  // transposed: each input's weights side by side
  for (let row = 0; row < count; row++) {
    const from = gradient.subarray(row * out, (row + 1) * out);
    for (let input = 0; input < wide; input++) {
      const value = inputs[row * wide + input];
      if (value === 0) continue;
      for (let to = 0, weight = input * out; to < out; to++, weight++) columns[weight] += value * from[to];
    }
  }
  weights.gradient.set(transposed(columns, wide, out));
  if (isFirst) return null;
  const below = new Float32Array(count * wide);
  for (let row = 0; row < count; row++) {
    const target = below.subarray(row * wide, (row + 1) * wide);
    for (let to = 0; to < out; to++) {
      const value = gradient[row * out + to];
      if (value === 0) continue;
      for (let input = 0, weight = to * wide; input < wide; input++, weight++) target[input] += value * weights.values[weight];
    }
  }
  return below;
}

// In place: from the gradient by the outputs of ReLU to that by the sums before normalisation.
function throughNormalisation({ outputs: out, scale, shift, kept: { normal, inverse, result, count } }, gradient) {
  for (let to = 0; to < out; to++) {
    let sum = 0, along = 0;
    for (let i = to; i < gradient.length; i += out) {
      if (result[i] === 0) gradient[i] = 0;
      sum += gradient[i];
      along += gradient[i] * normal[i];
    }
    scale.gradient[to] = along;
    shift.gradient[to] = sum;
    for (let i = to; i < gradient.length; i += out)
      gradient[i] = scale.values[to] * inverse[to] * (gradient[i] - (sum + normal[i] * along) / count);
  }
}

// The loss of a batch in nats, how many answers are right, and the gradient by the logits.
function lossOf(logits, labels, classes) {
  const count = labels.length, gradient = new Float32Array(logits.length);
  let loss = 0, right = 0;
  for (let row = 0; row < count; row++) {
    const start = row * classes;
    let top = 0, sum = 0;
    for (let c = 1; c < classes; c++) if (logits[start + c] > logits[start + top]) top = c;
    for (let c = 0; c < classes; c++) sum += Math.exp(logits[start + c] - logits[start + top]);
    for (let c = 0; c < classes; c++)
      gradient[start + c] = (Math.exp(logits[start + c] - logits[start + top]) / sum - (c === labels[row])) / count;
    loss += Math.log(sum) - logits[start + labels[row]] + logits[start + top];
    right += top === labels[row];
  }
  return { loss: loss / count, right, gradient };
}

// A step of SGD with Nesterov's momentum, and weight decay on everything, as in engine/steps.py.
function descend({ values, gradient, moving }, rate, { momentum, decay }) {
  for (let i = 0; i < values.length; i++) {
    const slope = gradient[i] + decay * values[i];
    moving[i] = momentum * moving[i] + slope;
    values[i] -= rate * (slope + momentum * moving[i]);
  }
}

// The rate at a step: a linear warm-up, then a cosine to almost 0.
function rateAt(step, steps, { rate, warmup }) {
  const rising = warmup * steps;
  if (step < rising) return rate * (step + 1) / (rising + 1);
  return rate * 0.5 * (1 + Math.cos(Math.PI * (step - rising) / (steps - rising)));
}

function rowsOf(features, wide, rows) {
  const out = new Float32Array(rows.length * wide);
  rows.forEach((row, i) => out.set(features.subarray(row * wide, (row + 1) * wide), i * wide));
  return out;
}

// A training. Each call of what it gives trains one epoch: {epoch, loss, accuracy}, the latter where it was measured.
// `train` and `held` are {features, labels}; `sizes` begins with the number of features, and ends with that of classes.
function training({ train, held, sizes, recipe, seed }) {
  const random = dice(seed * 7919 + 1), top = freshTop(sizes, random), classes = sizes.at(-1);
  const steps = Math.floor(train.labels.length / recipe.batch), total = recipe.epochs * steps;
  let epoch = 0, done = 0;

  function accuracy() {
    let right = 0;
    for (let start = 0; start < held.labels.length; start += 250) {
      const labels = held.labels.subarray(start, start + 250);
      let values = held.features.subarray(start * sizes[0], (start + labels.length) * sizes[0]);
      for (const layer of top) values = forward(layer, values, labels.length, false);
      right += lossOf(values, labels, classes).right;
    }
    return right / held.labels.length;
  }

  return () => {
    const order = shuffled(train.labels.length, random);
    let sum = 0;
    for (let step = 0; step < steps; step++, done++) {
      const rows = order.subarray(step * recipe.batch, (step + 1) * recipe.batch);
      let values = rowsOf(train.features, sizes[0], rows);
      for (const layer of top) values = forward(layer, values, rows.length, true);
      const { loss, gradient } = lossOf(values, Uint8Array.from(rows, (row) => train.labels[row]), classes);
      let back = gradient;
      for (let index = top.length - 1; index >= 0; index--) back = backward(top[index], back, index === 0);
      for (const layer of top)
        for (const part of [layer.weights, layer.scale, layer.shift]) if (part) descend(part, rateAt(done, total, recipe), recipe);
      sum += loss;
    }
    epoch += 1;
    const measured = epoch % recipe.every === 0 || epoch === recipe.epochs;
    return { epoch, loss: sum / steps, accuracy: measured ? accuracy() : null };
  };
}

// In a worker: the page sends what to train on, then asks for one epoch at a time, so that it can pause.
function work() {
  let next = null;
  self.onmessage = ({ data }) => {
    if (data.sizes) next = training(data);
    self.postMessage(next());
  };
}
