// Small SVG drawings for the widgets of the book. No library, no network: a page carries what it needs.

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  x: "M-6-6L6 6M-6 6L6-6",
  s: "M-4-4h8v8h-8z",
  o: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
  v: "M-5-4h10L0 5z",
  D: "M0-6L6 0 0 6-6 0z",
  P: "M-2-5.5h4v3.500h3.500v4h-3.500v3.500h-4v-3.500h-3.500v-4h3.500z",
  X: "M0-2.800L2.800-5.600 5.600-2.800 2.800 0 5.600 2.800 2.800 5.600 0 2.800-2.800 5.600-5.600 2.800-2.800 0-5.600-2.800-2.800-5.600z",
};

// A colour that follows the scheme of the page, by colours.css.
const themed = (value) => /^#[0-9a-f]{6}$/i.test(value) ? `var(--tl-${value.slice(1).toLowerCase()}, ${value})` : value;

// An element inside another; texts are set as text, never as markup.
function add(parent, name, attributes = {}, text = null) {
  const element = parent.namespaceURI === SVG || name === "svg"
    ? document.createElementNS(SVG, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, themed(value));
  if (text !== null) element.textContent = text;
  parent.append(element);
  return element;
}

// A picture with words for those who do not see it.
function picture(host, width, height, label) {
  host.replaceChildren();
  return add(host, "svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": label });
}

// Round numbers that divide low..high into a few steps.
function ticks(low, high, about = 5) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const list = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9; value += step) list.push(value);
  return list;
}

// Axes: gives the drawing and its scales. `x` and `y` are {low, high, label, ticks, format}; `room` is that for the names
// of lines.
function axes(host, x, y, label, { width = 420, height = 300, room = 10 } = {}) {
  const root = picture(host, width, height, label);
  const left = 58, right = width - room, top = 12, bottom = height - 42;
  const across = (value) => left + (right - left) * (value - x.low) / (x.high - x.low);
  const up = (value) => bottom - (bottom - top) * (value - y.low) / (y.high - y.low);
  const text = { fill: "currentColor", "font-size": 12 };
  for (const value of y.ticks || ticks(y.low, y.high)) {
    add(root, "line", { x1: left, x2: right, y1: up(value), y2: up(value), stroke: "currentColor", opacity: 0.13 });
    add(root, "text", { ...text, x: left - 6, y: up(value) + 4, "text-anchor": "end" }, y.format(value));
  }
  for (const value of x.ticks || ticks(x.low, x.high))
    add(root, "text", { ...text, x: across(value), y: bottom + 16, "text-anchor": "middle" }, x.format(value));
  add(root, "path", { d: `M${left} ${top}V${bottom}H${right}`, fill: "none", stroke: "currentColor" });
  add(root, "text", { ...text, x: (left + right) / 2, y: height - 6, "text-anchor": "middle" }, x.label);
  add(root, "text", { ...text, x: 11, y: (top + bottom) / 2, "text-anchor": "middle",
    transform: `rotate(-90 11 ${(top + bottom) / 2})` }, y.label);
  return { root, across, up, left, right, top, bottom };
}

function line(plot, points, style) {
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${plot.across(x).toFixed(1)} ${plot.up(y).toFixed(1)}`).join("");
  add(plot.root, "path", { d, fill: "none", "stroke-width": 2, ...style });
}

function marker(plot, shape, x, y, style, size = 1) {
  const place = `translate(${plot.across(x).toFixed(1)} ${plot.up(y).toFixed(1)}) scale(${size})`;
  add(plot.root, "path", { d: SHAPES[shape], transform: place, ...style });
}

// Means with intervals. Where `hollow`, dotted with hollow markers, a little to the right.
function curve(plot, rows, look, { hollow = false, faint = false, bars = true } = {}) {
  const shift = hollow ? 0.12 : 0, opacity = faint ? 0.3 : 1;
  const style = { stroke: look.colour, opacity };
  line(plot, rows.map((row) => [row.n + shift, row.mean]), { ...style, "stroke-dasharray": hollow ? "2 4" : "none" });
  for (const row of rows) {
    const x = row.n + shift;
    if (bars && row.low !== null) line(plot, [[x, row.low], [x, row.high]], { ...style, "stroke-width": 1.5 });
    marker(plot, look.marker, x, row.mean, { ...style, fill: hollow ? "#ffffff" : look.colour, "stroke-width": 1.2 });
  }
}

// Names of lines, {name, y, colour}, beside the axes where the lines end, clear of one another.
function names(plot, ends, gap = 15) {
  let last = -Infinity;
  for (const { name, y, colour } of [...ends].sort((one, other) => other.y - one.y)) {
    last = Math.max(plot.up(y), last + gap);
    add(plot.root, "text", { x: plot.right + 4, y: last + 4, "font-size": 12, fill: colour }, name);
  }
}

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;
const signed = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
const whole = (value) => signed(value, 0).replace("+0", "0");
