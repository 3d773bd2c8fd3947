// Small SVG drawings for the widgets of the book. No library, no network: a page carries what it needs.

const SVG = "http://www.w3.org/2000/svg";
const SHAPES = {
  x: "M-6-6L6 6M-6 6L6-6",
  s: "M-4-4h8v8h-8z",
  o: "M-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0-9 0z",
  v: "M-5-4h10L0 5z",
  "^": "M-5 4h10L0-5z",
  h: "M0-5.500L4.800-2.700V2.700L0 5.500-4.800 2.700V-2.700z",
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

// JupyterLab moves from cell to cell by arrow keys, unless the very element that has the focus says this.
const KEYS = { "data-lm-suppress-shortcuts": "true" };

const calm = matchMedia("(prefers-reduced-motion: reduce)");
const MOVING = new Set(["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "opacity"]);
const NUMBER = /-?\d+(?:\.\d+)?/g;

// A text whose numbers lie between those of two others: at 0 the first, at 1 the second.
function between(from, to, part) {
  const old = from.match(NUMBER) || [], now = to.match(NUMBER) || [];
  if (part >= 1 || old.length !== now.length) return to;
  let index = 0;
  return to.replace(NUMBER, (number) => {
    const start = Number(old[index++]);
    return (start + (number - start) * part).toFixed(2);
  });
}

// A drawing that is told all its parts anew at each change (`put`, then `show`): a part whose key it had before moves to
// its new place, at once if it is `quick` or the reader wants no motion. As a group, not an image, it may have buttons in it.
function drawing(host, left, width, height, role = "img") {
  const root = add(host, "svg", { viewBox: `${left} 0 ${width} ${height}`, role });
  const parts = new Map();
  const plot = { root, width, height, put, show, at, quick: false };
  let told = new Set(), moves = [], frame = 0;

  function put(key, name, attributes = {}, text = null) {
    const fresh = !parts.has(key), part = parts.get(key) || document.createElementNS(SVG, name);
    parts.set(key, part);
    told.add(part);
    for (const [attribute, value] of Object.entries(attributes)) {
      const from = part.getAttribute(attribute), to = themed(String(value));
      if (fresh || plot.quick || calm.matches || !MOVING.has(attribute)) part.setAttribute(attribute, to);
      else if (from !== to) moves.push({ part, attribute, from: from || to, to });
    }
    if (text !== null) part.textContent = text;
    return part;
  }

  function show(label) {
    root.setAttribute("aria-label", label);
    const focus = document.activeElement;
    for (const [key, part] of parts) if (!told.has(part)) { part.remove(); parts.delete(key); }
    let next = root.firstChild;
    for (const part of told) if (part === next) next = next.nextSibling; else root.insertBefore(part, next);
    if (root.contains(focus) && focus !== document.activeElement) focus.focus({ preventScroll: true });
    const all = moves, started = performance.now();
    [told, moves] = [new Set(), []];
    cancelAnimationFrame(frame);
    function step(now) {
      const part = Math.min(1, Math.max(0, (now - started) / 300));
      for (const each of all) each.part.setAttribute(each.attribute, between(each.from, each.to, part * (2 - part)));
      if (part < 1) frame = requestAnimationFrame(step);
    }
    if (all.length) frame = requestAnimationFrame(step);
  }

  // where in the drawing a pointer is
  function at(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    return [point.x, point.y];
  }
  return plot;
}

// Follow a pointer: `begin` gets the place of a press and gives what follows the rest. A finger takes hold of a grip
// (class tl-grip) only, and scrolls the page elsewhere; a tap counts anywhere.
function draggable(plot, begin) {
  let follow = null;
  plot.root.addEventListener("pointerdown", (event) => {
    if (event.button || (event.pointerType === "touch" && !event.target.classList.contains("tl-grip"))) return;
    follow = begin(...plot.at(event));
    plot.root.setPointerCapture(event.pointerId);
  });
  plot.root.addEventListener("pointermove", (event) => { if (follow) follow(...plot.at(event)); });
  for (const end of ["pointerup", "pointercancel"]) plot.root.addEventListener(end, () => { follow = null; });
  plot.root.addEventListener("click", (event) => { if (event.pointerType === "touch") begin(...plot.at(event)); });
}

// Points that say their value, by mouse, tap and keyboard: {key, series, n, x, y, words, choose}. Tab reaches one of
// them, arrow keys the others. `said` is the line for the words, `rest` what stands there otherwise.
function speaking(plot, said, rest) {
  let points = [], current = null, reached = null;
  const halo = add(plot.root, "circle", { class: "tl-halo", r: 9, fill: "none", stroke: "currentColor", visibility: "hidden" });

  function tell(point) {
    current = point ? point.key : null;
    said.textContent = point ? point.words : rest;
    halo.setAttribute("visibility", point ? "visible" : "hidden");
    if (point) { halo.setAttribute("cx", point.x); halo.setAttribute("cy", point.y); }
  }
  const distance = (one, x, y) => Math.hypot(one.x - x, one.y - y);
  const closest = (some, x, y) => some.reduce((one, other) =>
    one && distance(one, x, y) <= distance(other, x, y) ? one : other, null);
  function near(event) {
    const [x, y] = plot.at(event), point = closest(points, x, y);
    return point && distance(point, x, y) < 22 ? point : null;
  }
  const focused = (event) => points.find((each) => each.key === event.target.dataset.point);
  const kept = () => plot.root.contains(document.activeElement) ? focused({ target: document.activeElement }) : null;

  plot.root.addEventListener("pointermove", (event) => { if (event.pointerType !== "touch") tell(near(event) || kept()); });
  plot.root.addEventListener("pointerleave", (event) => { if (event.pointerType !== "touch") tell(kept()); });
  const around = plot.root.parentElement;  // Chromium lets Tab stop at an <svg> that itself listens for the focus
  around.addEventListener("focusin", (event) => {
    const point = focused(event);
    if (!point) return;
    reached = point.key;
    tell(point);
  });
  around.addEventListener("focusout", () => tell(null));
  plot.root.addEventListener("click", (event) => {
    const point = near(event);
    tell(point);
    if (point && point.choose) point.choose();
  });
  plot.root.addEventListener("keydown", (event) => {
    const here = focused(event);
    if (!here) return;
    if (event.key === "Escape") tell(null);
    if (["Enter", " "].includes(event.key) && here.choose) { event.preventDefault(); here.choose(); }
    const lies = {
      ArrowRight: (each) => each.series === here.series && each.x > here.x,
      ArrowLeft: (each) => each.series === here.series && each.x < here.x,
      ArrowUp: (each) => each.n === here.n && each.y < here.y,
      ArrowDown: (each) => each.n === here.n && each.y > here.y,
    }[event.key];
    if (!lies) return;
    event.preventDefault();
    const next = closest(points.filter(lies), here.x, here.y);
    if (next) plot.root.querySelector(`[data-point="${next.key}"]`).focus({ preventScroll: true });
  });

  // before `show`: the points there are now, and the one that Tab should reach
  return function set(now, chosen) {
    points = now;
    const stop = [reached, chosen, points[0]?.key].find((key) => points.some((each) => each.key === key));
    for (const each of points) {
      plot.put(`point ${each.key}`, "circle", { cx: each.x.toFixed(1), cy: each.y.toFixed(1), r: 10, class: "tl-point",
        "data-point": each.key, role: each.choose ? "button" : "img", "aria-label": each.words,
        tabindex: each.key === stop ? 0 : -1, ...KEYS });
    }
    tell(points.find((each) => each.key === current));
  };
}

// Round numbers that divide low..high into a few steps.
function ticks(low, high, about = 5) {
  const rough = (high - low) / about, power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((each) => each * power).find((each) => each >= rough);
  const list = [];
  for (let value = Math.ceil(low / step - 1e-9) * step; value <= high + 1e-9; value += step) list.push(value);
  return list;
}

// Axes: gives the drawing its scales. `x` and `y` are {low, high, label, ticks, format}; `room` is that for the names of
// lines.
function axes(plot, x, y, room = 10) {
  const left = 58, right = plot.width - room, top = 12, bottom = plot.height - 42, { put } = plot;
  const across = (value) => left + (right - left) * (value - x.low) / (x.high - x.low);
  const up = (value) => bottom - (bottom - top) * (value - y.low) / (y.high - y.low);
  const text = { fill: "currentColor", "font-size": 12 };
  for (const value of y.ticks || ticks(y.low, y.high)) {
    const key = `y ${y.format(value)}`, at = up(value).toFixed(1);
    put(`${key} line`, "line", { x1: left, x2: right, y1: at, y2: at, stroke: "currentColor", opacity: 0.13 });
    put(key, "text", { ...text, x: left - 6, y: (up(value) + 4).toFixed(1), "text-anchor": "end" }, y.format(value));
  }
  for (const value of x.ticks || ticks(x.low, x.high))
    put(`x ${value}`, "text", { ...text, x: across(value).toFixed(1), y: bottom + 16, "text-anchor": "middle" }, x.format(value));
  put("axes", "path", { d: `M${left} ${top}V${bottom}H${right}`, fill: "none", stroke: "currentColor" });
  put("x label", "text", { ...text, x: (left + right) / 2, y: plot.height - 6, "text-anchor": "middle" }, x.label);
  put("y label", "text", { ...text, x: 11, y: (top + bottom) / 2, "text-anchor": "middle",
    transform: `rotate(-90 11 ${(top + bottom) / 2})` }, y.label);
  Object.assign(plot.root.dataset, { low: y.low, high: y.high });
  return Object.assign(plot, { across, up, left, right, top, bottom, y });
}

function line(plot, key, points, style) {
  const d = points.map(([x, y], i) => `${i ? "L" : "M"}${plot.across(x).toFixed(1)} ${plot.up(y).toFixed(1)}`).join("");
  plot.put(key, "path", { d, fill: "none", "stroke-width": 2, ...style });
}

function marker(plot, key, shape, x, y, style, size = 1) {
  const place = `translate(${plot.across(x).toFixed(1)} ${plot.up(y).toFixed(1)}) scale(${size})`;
  plot.put(key, "path", { d: SHAPES[shape], transform: place, ...style });
}

// Means with intervals, as far as the axis goes. Where `hollow`, dotted with hollow markers, a little to the right.
function curve(plot, key, rows, look, { hollow = false, faint = false, bars = true } = {}) {
  const shift = hollow ? 0.12 : 0, style = { stroke: look.colour, opacity: faint ? 0.3 : 1 };
  const inside = (value) => Math.min(plot.y.high, Math.max(plot.y.low, value));
  line(plot, key, rows.map((row) => [row.n + shift, row.mean]), { ...style, "stroke-dasharray": hollow ? "2 4" : "none" });
  for (const row of rows) {
    const x = row.n + shift, fill = hollow ? "#ffffff" : look.colour;
    if (bars && row.low !== null)
      line(plot, `${key} ${row.n} bar`, [[x, inside(row.low)], [x, inside(row.high)]], { ...style, "stroke-width": 1.5 });
    marker(plot, `${key} ${row.n}`, look.marker, x, row.mean, { ...style, fill, "stroke-width": 1.2 });
  }
}

// Names of lines, {name, y, colour}, beside the axes where the lines end, clear of one another.
function names(plot, ends, gap = 15) {
  let last = -Infinity;
  for (const { name, y, colour } of [...ends].sort((one, other) => other.y - one.y)) {
    last = Math.max(plot.up(y), last + gap);
    plot.put(`name ${name}`, "text", { x: plot.right + 4, y: (last + 4).toFixed(1), "font-size": 12, fill: colour }, name);
  }
}

const percent = (value, digits = 0) => `${(100 * value).toFixed(digits)} %`;
const signed = (value, digits = 1) => `${value < 0 ? "−" : "+"}${Math.abs(value).toFixed(digits)}`;
const whole = (value) => signed(value, 0).replace("+0", "0");
