// What chapters/living.py packed: letters of base 85, of the gzip of a description (JSON) and arrays.

const LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz!#$%&()*+-;<=>?@^_`{|}~";

// Five letters are four bytes; the first four bytes say how many follow.
function bytesOf(text) {
  const digits = new Uint8Array(128), bytes = new DataView(new ArrayBuffer(Math.ceil(text.length / 5) * 4));
  for (let i = 0; i < LETTERS.length; i++) digits[LETTERS.charCodeAt(i)] = i;
  for (let i = 0, at = 0; i < text.length; at += 4) {
    let value = 0;
    for (const end = i + 5; i < end; i++) value = value * 85 + digits[text.charCodeAt(i) & 127];
    bytes.setUint32(at, value);
  }
  return new Uint8Array(bytes.buffer, 4, bytes.getUint32(0));
}

// Gives the description, with an array wherever it says where one is. Rejects if anything is damaged: gzip has a checksum.
async function unpack(text) {
  const stream = new Blob([bytesOf(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
  const start = 4 + new DataView(bytes.buffer).getUint32(0, true);
  return JSON.parse(new TextDecoder().decode(bytes.subarray(4, start)), (key, value) =>
    value && value.type && "at" in value ? arrayAt(bytes, start + value.at, value) : value);
}

function arrayAt(bytes, at, { type, length }) {
  if (type === "uint8") return bytes.slice(at, at + length);
  if (type === "float32") return new Float32Array(bytes.slice(at, at + 4 * length).buffer);
  const out = new Float32Array(length);  // int16: all high bytes, then all low ones; the sign is the lowest bit
  for (let i = 0; i < length; i++) {
    const value = bytes[at + i] * 256 + bytes[at + length + i];
    out[i] = value & 1 ? -(value + 1) / 2 : value / 2;
  }
  return out;
}

// The networks by name, each with its eight layers, and the images, from the bytes less those of their left neighbours.
function openStudy(study) {
  for (const network of Object.values(study.networks))
    network.layers = network.layers.map((index) => study.layers[index]);
  const { images, side } = study;
  for (let i = 0; i < images.pixels.length; i++) if (i % side) images.pixels[i] += images.pixels[i - 1];
  const size = 3 * side * side;
  study.pictures = images.label.map((label, index) => ({
    task: images.task[index], label, name: study.classes[images.task[index]][label],
    pixels: images.pixels.subarray(index * size, (index + 1) * size),
  }));
  return study;
}
