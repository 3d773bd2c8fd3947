// Maps, filters and patches as small pictures, in the colours of the page.

// Colours of the style sheet as numbers: nothing, much, and much below zero; and a mark, as it is written there.
function palette(host) {
  const style = getComputedStyle(host), probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  const [none, much, less] = ["--tl-none", "--tl-much", "--tl-less"].map((name) => {
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data.slice(0, 3);
  });
  return { none, much, less, mark: style.getPropertyValue("--tl-mark").trim() };
}

// How `count` squares of side * side numbers lie on a canvas of `width` pixels, `columns` in a row. Each number is a block
// of whole pixels, so that all are of one size; what is left over lies between the squares.
function layout(width, { count, side, columns }) {
  const gap = 2, room = width - 2 * gap, scale = Math.max(1, Math.floor(((room + gap) / columns - gap) / side)), size = scale * side;
  const pitch = columns > 1 ? (room - size) / (columns - 1) : size, high = size + Math.min(Math.round(pitch - size), 8);
  const rows = Math.ceil(count / columns);
  return { scale, size, pitch, high, columns, count, height: (rows - 1) * high + size + 2 * gap,
    left: (one) => gap + Math.round(one % columns * pitch), top: (one) => gap + Math.floor(one / columns) * high };
}

// A grid of squares. Numbers are shown from 0 to `most`, those below zero in a colour of their own. `chosen` is framed.
function drawGrid(canvas, numbers, { count, side, columns, most, colours, chosen = -1 }) {
  const width = Math.max(60, Math.round(canvas.clientWidth * devicePixelRatio)), grid = layout(width, { count, side, columns });
  [canvas.width, canvas.height] = [width, grid.height];
  const context = canvas.getContext("2d"), image = context.createImageData(width, grid.height), { none, much, less, mark } = colours;
  const ink = new Uint32Array(image.data.buffer), bytes = new Uint8Array(4), word = new Uint32Array(bytes.buffer);
  bytes[3] = 255;
  for (let one = 0, at = 0; one < count; one++)
    for (let y = 0; y < side; y++)
      for (let x = 0; x < side; x++, at++) {
        const part = Math.min(1, Math.abs(numbers[at]) / (most || 1)), full = numbers[at] < 0 ? less : much;
        for (let c = 0; c < 3; c++) bytes[c] = none[c] + part * (full[c] - none[c]);
        const left = grid.left(one) + x * grid.scale, top = grid.top(one) + y * grid.scale;
        for (let row = top; row < top + grid.scale; row++) ink.fill(word[0], row * width + left, row * width + left + grid.scale);
      }
  context.putImageData(image, 0, 0);
  if (chosen < 0 || chosen >= count) return;
  [context.strokeStyle, context.lineWidth] = [mark, 2];
  context.strokeRect(grid.left(chosen) - 1, grid.top(chosen) - 1, grid.size + 2, grid.size + 2);
}

// Which square of a grid is under a pointer.
function squareAt(canvas, event, shape) {
  const box = canvas.getBoundingClientRect(), grid = layout(canvas.width, shape);
  const x = (event.clientX - box.left) / box.width * canvas.width, y = (event.clientY - box.top) / box.height * canvas.height;
  const column = Math.min(grid.columns - 1, Math.max(0, Math.floor(x / grid.pitch))), row = Math.max(0, Math.floor(y / grid.high));
  return Math.min(shape.count - 1, row * grid.columns + column);
}

// The filter of a unit. Layer 1 looks at colours, so it is shown in colour; the others look at maps.
function drawFilter(canvas, layer, unit, before, colours) {
  const size = layer.weights.length / layer.outputs, sign = Math.sign(layer.scale[unit]) || 1;
  const weights = layer.weights.subarray(unit * size, (unit + 1) * size).map((value) => sign * value);
  const most = weights.reduce((top, value) => Math.max(top, Math.abs(value)), 0);
  if (layer.kernel && layer.inputs === 3)
    return paintOn(canvas, weights.map((value) => 127.5 + 127.5 * value / (most || 1)), layer.kernel);
  const side = layer.kernel || before.side, count = size / side ** 2;
  drawGrid(canvas, weights, { count, side, columns: Math.ceil(Math.sqrt(count)), most, colours });
}

// The part of the image that a unit sees at a place of its map: from one pixel to another, both included.
function seen(layers, depth, row, column, side) {
  if (!layers[depth].kernel) return { top: 0, left: 0, size: side };
  let [top, left, size] = [row, column, 1];
  for (const layer of layers.slice(0, depth + 1).reverse()) {
    if (layer.pool) [top, left, size] = [2 * top, 2 * left, 2 * size];
    const pad = layer.kernel >> 1;
    [top, left] = [top * layer.stride - pad, left * layer.stride - pad];
    size = (size - 1) * layer.stride + layer.kernel;
  }
  return { top, left, size };
}

// A patch of an image; what lies beyond its edge is empty.
function drawPatch(canvas, pixels, side, { top, left, size }) {
  canvas.width = canvas.height = size;
  const image = new ImageData(size, size);
  for (let y = 0; y < size; y++)
    for (let x = 0; x < size; x++) {
      const row = top + y, column = left + x;
      if (row < 0 || column < 0 || row >= side || column >= side) continue;
      for (let c = 0; c < 3; c++) image.data[4 * (y * size + x) + c] = pixels[(c * side + row) * side + column];
      image.data[4 * (y * size + x) + 3] = 255;
    }
  canvas.getContext("2d").putImageData(image, 0, 0);
}
