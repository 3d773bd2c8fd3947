// A network of the study, run in the page: five convolutions and three matrices, written as plain loops.
//
// A layer is {kernel, stride, pool, inputs, outputs, weights, scale, shift, relu}; a matrix has no kernel. Its weights are
// whole numbers. What belongs to a number of them, and batch normalisation, are in `scale` and `shift`, one of each for
// every channel: output = relu(scale * pool(sum of weight * input) + shift).

// Maps with a frame of zeros around each, so that a kernel may look over the edge.
function framed(maps, count, side, pad) {
  const wide = side + 2 * pad, out = new Float32Array(count * wide * wide);
  for (let map = 0; map < count; map++)
    for (let y = 0; y < side; y++)
      out.set(maps.subarray((map * side + y) * side, (map * side + y + 1) * side), (map * wide + y + pad) * wide + pad);
  return out;
}

// A convolution: each number of each kernel is multiplied with the map that it looks at, shifted to its own place, and
// all that is summed up. `maps` are `inputs` maps of side * side numbers.
function convolve(maps, side, { inputs, outputs, kernel, stride, weights }) {
  const wide = side + kernel - 1, across = Math.ceil(side / stride);
  const padded = framed(maps, inputs, side, kernel >> 1);
  const out = new Float32Array(outputs * across ** 2);
  for (let to = 0, weight = 0; to < outputs; to++)
    for (let from = 0; from < inputs; from++)
      for (let down = 0; down < kernel; down++)
        for (let right = 0; right < kernel; right++, weight++)
          for (let y = 0; y < across; y++) {
            const low = (from * wide + y * stride + down) * wide + right;
            const at = (to * across + y) * across;
            for (let x = 0; x < across; x++)
              out[at + x] += weights[weight] * padded[low + x * stride];
          }
  return out;
}

// The largest of each two by two numbers.
function pooled(maps, count, side) {
  const half = side >> 1, out = new Float32Array(count * half * half);
  for (let map = 0, o = 0; map < count; map++)
    for (let y = 0; y < half; y++)
      for (let x = 0; x < half; x++, o++) {
        const p = (map * side + 2 * y) * side + 2 * x;
        out[o] = Math.max(maps[p], maps[p + 1], maps[p + side], maps[p + side + 1]);
      }
  return out;
}

// A matrix: each output looks at every input.
function multiply(values, { inputs, outputs, weights }) {
  const out = new Float32Array(outputs);
  for (let to = 0, weight = 0; to < outputs; to++) {
    let sum = 0;
    for (let from = 0; from < inputs; from++, weight++) sum += weights[weight] * values[from];
    out[to] = sum;
  }
  return out;
}

// One layer: gives its maps and their side, which is 1 after a matrix.
function applyLayer(layer, maps, side) {
  let out, across = 1;
  if (layer.kernel) {
    across = Math.ceil(side / layer.stride);
    out = convolve(maps, side, layer);
    if (layer.pool) { out = pooled(out, layer.outputs, across); across >>= 1; }
  } else out = multiply(maps, layer);
  const size = across * across;
  for (let map = 0, o = 0; map < layer.outputs; map++)
    for (let i = 0; i < size; i++, o++) {
      const value = layer.scale[map] * out[o] + layer.shift[map];
      out[o] = layer.relu && value < 0 ? 0 : value;
    }
  return { maps: out, side: across };
}

// All layers: gives the output of each, the last of which is the logits. `pixels` are 3 * side * side bytes, the red ones
// first. `known` are outputs for the same image of layers that need not be computed again.
function runNetwork(layers, pixels, side, known = new Map()) {
  const input = Float32Array.from(pixels, (value) => (value - 127.5) / 63.75);
  let last = { maps: input, side };
  return layers.map((layer) => {
    last = known.get(layer) || applyLayer(layer, last.maps, last.side);
    known.set(layer, last);
    return last;
  });
}

// Shares that add up to 1.
function softmax(logits) {
  const top = Math.max(...logits), powers = Array.from(logits, (value) => Math.exp(value - top));
  const sum = powers.reduce((one, other) => one + other, 0);
  return powers.map((value) => value / sum);
}
