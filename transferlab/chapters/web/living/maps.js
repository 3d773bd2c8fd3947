// Maps, filters and patches as small pictures, in the colours of the page.

// Two or three colours of the style sheet as numbers: nothing, much, and much below zero.
function palette(host) {
  const style = getComputedStyle(host), probe = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  return ["--tl-none", "--tl-much", "--tl-less", "--tl-mark"].map((name) => {
    probe.fillStyle = style.getPropertyValue(name).trim();
    probe.fillRect(0, 0, 1, 1);
    return probe.getImageData(0, 0, 1, 1).data.slice(0, 3);
  });
}

// A grid of `count` squares of side * side numbers, `columns` in a row, a pixel apart; a single number fills three by
// three pixels. Numbers are shown from 0 to `top`, those below zero in a colour of their own. `chosen` is framed.
function drawGrid(canvas, numbers, { count, side, columns, top, colours, chosen = -1 }) {
  const [none, much, less, mark] = colours, repeat = side === 1 ? 3 : 1, pitch = side * repeat + 1;
  const across = Math.min(columns, count);
  canvas.width = across * pitch + 1;
  canvas.height = Math.ceil(count / across) * pitch + 1;
  const image = new ImageData(canvas.width, canvas.height);
  const dot = (x, y, colour) => { image.data.set(colour, 4 * (y * canvas.width + x)); image.data[4 * (y * canvas.width + x) + 3] = 255; };
  for (let one = 0; one < count; one++) {
    const left = one % across * pitch, high = Math.floor(one / across) * pitch;
    for (let y = 0; y < pitch - 1; y++)
      for (let x = 0; x < pitch - 1; x++) {
        const value = numbers[(one * side + Math.floor(y / repeat)) * side + Math.floor(x / repeat)] / (top || 1);
        const part = Math.min(1, Math.abs(value)), full = value < 0 ? less : much;
        dot(left + x + 1, high + y + 1, none.map((from, c) => from + part * (full[c] - from)));
      }
    if (one === chosen)
      for (let i = 0; i <= pitch; i++)
        for (const [x, y] of [[i, 0], [i, pitch], [0, i], [pitch, i]]) dot(left + x, high + y, mark);
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// Which square of a grid is under a pointer.
function squareAt(canvas, event, { count, side, columns }) {
  const box = canvas.getBoundingClientRect(), pitch = (side === 1 ? 3 : side) + 1, across = Math.min(columns, count);
  const x = (event.clientX - box.left) / box.width * canvas.width, y = (event.clientY - box.top) / box.height * canvas.height;
  const square = Math.floor(y / pitch) * across + Math.min(across - 1, Math.floor(x / pitch));
  return Math.min(count - 1, Math.max(0, square));
}

// The filter of a unit. Layer 1 looks at colours, so it is shown in colour; the others look at maps.
function drawFilter(canvas, layer, unit, before, colours) {
  const size = layer.weights.length / layer.outputs, sign = Math.sign(layer.scale[unit]) || 1;
  const weights = layer.weights.subarray(unit * size, (unit + 1) * size).map((value) => sign * value);
  const top = weights.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  if (layer.kernel && layer.inputs === 3)
    return paintOn(canvas, weights.map((value) => 127.5 + 127.5 * value / (top || 1)), layer.kernel);
  const side = layer.kernel || before.side, count = size / side ** 2;
  drawGrid(canvas, weights, { count, side, columns: side === 1 ? 16 : 8, top, colours });
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
