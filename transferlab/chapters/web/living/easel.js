// The easel: an image is chosen, turned, shifted, recoloured and painted over.

const CHANGES = { turn: ["turn", -180, 180, 5, "°"], across: ["shift across", -16, 16, 1, " px"],
  down: ["shift down", -16, 16, 1, " px"], hue: ["recolour", -180, 180, 10, "°"] };

// `renew` is called when the picture is another. Gives what `see` asks for.
function easel(host, { side, pictures }, state, renew) {
  const paint = paintOf(state.paint, side);
  let pixels = null;
  const stand = add(host, "div", { class: "tl-easel" }), board = add(stand, "div", { class: "tl-board" });
  const canvas = add(board, "canvas", { class: "tl-picture", tabindex: 0, role: "application",
    "aria-label": "The picture, to paint on: arrow keys move the brush, the space bar paints" });
  const brush = add(board, "div", { class: "tl-brush", "aria-hidden": "true" });
  const named = add(stand, "p", { class: "tl-named" });

  const tools = add(stand, "div", { class: "tl-tools" });
  const sliders = Object.entries(CHANGES).map(([key, [name, min, max, step, unit]]) =>
    [key, range(tools, name, { min, max, step, value: state[key], words: (value) => `${value}${unit}` }, (value) => { state[key] = value; renew(); })]);
  const paints = add(tools, "div", { class: "tl-row" });
  const colour = add(add(paints, "label", { class: "tl-select" }, "brush"), "input", { type: "color" });
  colour.value = "#e0a030";
  const width = select(paints, "width", [[1, "1 pixel"], [3, "3 pixels"], [5, "5 pixels"]], placeBrush);
  width.value = 3;
  const buttons = add(tools, "div", { class: "tl-row" });
  const fresh = (change) => { paint.clear(); Object.assign(state, STILL, change); renew(); };
  button(buttons, "Undo changes", () => fresh({ blank: 0 }));
  button(buttons, "Blank sheet", () => fresh({ blank: 1 }));
  button(buttons, "Other image of this class", () => choose(alike(state.image).find((index, place, all) => all[place - 1] === state.image) ?? alike(state.image)[0]));

  const shelf = add(host, "div", { class: "tl-shelf" });
  const thumbs = ["A", "B"].flatMap((task) => {
    const group = add(shelf, "fieldset", { class: "tl-thumbs" });
    add(group, "legend", {}, `Held-out images of task ${task}`);
    const strip = add(group, "div");
    return pictures.map((picture, index) => {
      if (picture.task !== task || alike(index)[0] !== index) return null;
      const label = add(strip, "label", { title: picture.name });
      const input = add(label, "input", { type: "radio", name: "tl-living-image", value: index, "aria-label": `${picture.name}, task ${task}` });
      paintOn(add(label, "canvas", { "aria-hidden": "true" }), picture.pixels, side);
      input.addEventListener("change", () => choose(index));
      return { input, picture };
    }).filter(Boolean);
  });

  // the images of the same class
  function alike(index) {
    const { task, label } = pictures[index];
    return pictures.map((_, each) => each).filter((each) => pictures[each].task === task && pictures[each].label === label);
  }

  function choose(index) {
    Object.assign(state, { image: index, blank: 0 });
    paint.clear();
    renew();
  }

  // painting, by pointer and by keyboard
  let spot = { x: side >> 1, y: side >> 1 }, from = null;
  function placeBrush() {
    brush.style.left = `${100 * (spot.x + 0.5 - width.value / 2) / side}%`;
    brush.style.top = `${100 * (spot.y + 0.5 - width.value / 2) / side}%`;
    brush.style.width = `${100 * width.value / side}%`;
  }
  function dab({ x, y }) {
    const reach = width.value >> 1, rgb = [1, 3, 5].map((at) => parseInt(colour.value.slice(at, at + 2), 16));
    for (let row = Math.max(0, y - reach); row <= Math.min(side - 1, y + reach); row++)
      for (let column = Math.max(0, x - reach); column <= Math.min(side - 1, x + reach); column++) paint.set(row * side + column, rgb);
  }
  function line(start, end) {
    const steps = Math.max(Math.abs(end.x - start.x), Math.abs(end.y - start.y), 1);
    for (let i = 0; i <= steps; i++)
      dab({ x: Math.round(start.x + (end.x - start.x) * i / steps), y: Math.round(start.y + (end.y - start.y) * i / steps) });
    renew();
  }
  const under = (event) => {
    const box = canvas.getBoundingClientRect(), place = (at, length) => Math.min(side - 1, Math.max(0, Math.floor(at / length * side)));
    return { x: place(event.clientX - box.left, box.width), y: place(event.clientY - box.top, box.height) };
  };
  canvas.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    canvas.setPointerCapture(event.pointerId);
    spot = from = under(event);
    placeBrush();
    line(from, from);
  });
  canvas.addEventListener("pointermove", (event) => {
    spot = under(event);
    placeBrush();
    if (from) { line(from, spot); from = spot; }
  });
  for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => { from = null; });
  canvas.addEventListener("keydown", (event) => {
    const moves = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }, move = moves[event.key];
    if (!move && event.key !== " ") return;
    event.preventDefault();
    if (move) spot = { x: Math.min(side - 1, Math.max(0, spot.x + move[0])), y: Math.min(side - 1, Math.max(0, spot.y + move[1])) };
    else line(spot, spot);
    placeBrush();
  });

  const empty = () => Boolean(state.blank) && !paint.size;

  return {
    paint, empty, pixels: () => pixels,
    // Draws the picture anew; says whether it is another.
    renewed() {
      const before = pixels, sheet = state.blank ? new Uint8Array(3 * side * side).fill(GREY) : pictures[state.image].pixels;
      state.paint = paintWords(paint);
      pixels = edited(sheet, side, state, paint);
      return !before || pixels.some((value, i) => value !== before[i]);
    },
    show() {
      paintOn(canvas, pixels, side);
      placeBrush();
      const { name, task } = pictures[state.image], touched = paint.size || Object.keys(STILL).some((key) => state[key]);
      named.textContent = empty() ? "An empty sheet." : state.blank ? "Your drawing." : `${name}, task ${task}${touched ? ", changed" : ""}`;
      for (const [key, slider] of sliders) slider.set(state[key]);
      for (const { input, picture } of thumbs) input.checked = !state.blank && picture === pictures[alike(state.image)[0]];
    },
  };
}
