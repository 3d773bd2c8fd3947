// The picture that the networks see: an image turned, shifted and recoloured, with what the reader has painted over it.

const STILL = { turn: 0, across: 0, down: 0, hue: 0 };
const GREY = 128;

// Pixels are bytes, the red ones first. `paint` maps the place of a pixel, y * side + x, to [red, green, blue].
function edited(pixels, side, { turn, across, down, hue }, paint) {
  const size = side * side, out = new Uint8ClampedArray(3 * size), colours = hueTurn(hue);
  const angle = turn * Math.PI / 180, cos = Math.cos(angle), sin = Math.sin(angle), middle = (side - 1) / 2;
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) {
      const place = y * side + x, dx = x - middle - across, dy = y - middle - down;  // where it was before
      const old = paint.get(place) || recoloured(blended(pixels, side, cos * dx + sin * dy + middle,
        cos * dy - sin * dx + middle), colours);
      for (let c = 0; c < 3; c++) out[c * size + place] = Math.round(old[c]);
    }
  return out;
}

// The colour at a place between pixels; beyond the edge, that of the edge.
function blended(pixels, side, x, y) {
  const inside = (value) => Math.min(side - 1, Math.max(0, value));
  const left = Math.floor(x), top = Math.floor(y), right = x - left, low = y - top;
  const at = (c, row, column) => pixels[(c * side + inside(row)) * side + inside(column)];
  return [0, 1, 2].map((c) => (1 - low) * ((1 - right) * at(c, top, left) + right * at(c, top, left + 1)) +
    low * ((1 - right) * at(c, top + 1, left) + right * at(c, top + 1, left + 1)));
}

// Turning the colours around grey: a matrix that leaves grey what it is.
function hueTurn(degrees) {
  const angle = degrees * Math.PI / 180, same = (1 + 2 * Math.cos(angle)) / 3;
  const next = (1 - Math.cos(angle)) / 3 - Math.sin(angle) / Math.sqrt(3);
  const last = (1 - Math.cos(angle)) / 3 + Math.sin(angle) / Math.sqrt(3);
  return [same, next, last];
}

function recoloured([red, green, blue], [same, next, last]) {
  return [same * red + next * green + last * blue, last * red + same * green + next * blue,
    next * red + last * green + same * blue];
}

// An image as it is put on a canvas of its own size.
function paintOn(canvas, pixels, side) {
  canvas.width = canvas.height = side;
  const image = new ImageData(side, side), size = side * side;
  for (let i = 0; i < size; i++) {
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = pixels[c * size + i];
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext("2d").putImageData(image, 0, 0);
}

// What is painted, as letters for the address: five bytes a pixel.
function paintWords(paint) {
  const bytes = [...paint].flatMap(([place, colour]) => [place >> 8, place & 255, ...colour]);
  return btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function paintOf(words, side) {
  const paint = new Map(), bytes = [];
  try {
    for (const letter of atob(words.replaceAll("-", "+").replaceAll("_", "/"))) bytes.push(letter.charCodeAt(0));
  } catch { return paint; }  // an address that somebody has shortened
  for (let i = 0; i + 4 < bytes.length; i += 5) {
    const place = bytes[i] * 256 + bytes[i + 1];
    if (place < side * side) paint.set(place, bytes.slice(i + 2, i + 5));
  }
  return paint;
}
