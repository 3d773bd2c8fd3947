// See: a picture goes through two networks, layer by layer.

// Of some numbers that which is closest to another.
const nearest = (some, to) => some.reduce((one, other) => Math.abs(other - to) < Math.abs(one - to) ? other : one);

const EXCITED = "The patch that excites it most";

function see(host, study, state, changed) {
  const { side, pictures } = study, paint = paintOf(state.paint, side);
  let pixels = null, sight = false, stale = true, last = null;

  // --- the picture -------------------------------------------------------------------------------------
  add(host, "h3", {}, "The picture");
  const easel = add(host, "div", { class: "tl-easel" });
  const board = add(easel, "div", { class: "tl-board" });
  const canvas = add(board, "canvas", { class: "tl-picture", tabindex: 0, role: "application",
    "aria-label": "The picture, to paint on: arrow keys move the brush, the space bar paints" });
  const brush = add(board, "div", { class: "tl-brush", "aria-hidden": "true" });
  const named = add(board, "p", { class: "tl-named" });

  const tools = add(easel, "div", { class: "tl-tools" });
  const change = (key) => (value) => { state[key] = value; renew(); };
  const turns = { turn: ["turn", -180, 180, 5, "°"], across: ["shift across", -16, 16, 1, " px"], down: ["shift down", -16, 16, 1, " px"],
    hue: ["recolour", -180, 180, 10, "°"] };
  const sliders = Object.entries(turns).map(([key, [name, min, max, step, unit]]) =>
    [key, range(tools, name, { min, max, step, value: state[key], words: (value) => `${value}${unit}` }, change(key))]);
  const paints = add(tools, "div", { class: "tl-row" });
  const colour = add(add(paints, "label", { class: "tl-select" }, "brush "), "input", { type: "color" });
  colour.value = "#e0a030";
  const width = select(paints, "width", [[1, "1 pixel"], [3, "3 pixels"], [5, "5 pixels"]], () => placeBrush());
  width.value = 3;
  const buttons = add(tools, "div", { class: "tl-row" });
  button(buttons, "Undo all changes", () => { paint.clear(); Object.assign(state, STILL, { blank: 0 }); renew(); });
  button(buttons, "Blank sheet", () => { paint.clear(); Object.assign(state, STILL, { blank: 1 }); renew(); });
  button(buttons, "The other image of this class", () => {
    const { task, label } = pictures[state.image];
    const alike = pictures.map((each, index) => index).filter((index) => pictures[index].task === task && pictures[index].label === label);
    choose(alike[(alike.indexOf(state.image) + 1) % alike.length]);
  });

  const shelf = add(host, "details", { class: "tl-shelf" });
  shelf.open = host.clientWidth > 600;
  add(shelf, "summary", {}, "Choose another: images that no network was trained on");
  const thumbs = ["A", "B"].map((task) => {
    const group = add(shelf, "fieldset", { class: "tl-thumbs" });
    add(group, "legend", {}, `classes of task ${task}`);
    return pictures.map((picture, index) => {
      if (picture.task !== task || (index && pictures[index - 1].task === task && pictures[index - 1].label === picture.label)) return null;
      const label = add(group, "label", { title: picture.name });
      const input = add(label, "input", { type: "radio", name: "tl-living-image", value: index, "aria-label": `${picture.name}, task ${task}` });
      paintOn(add(label, "canvas", { "aria-hidden": "true" }), picture.pixels, side);
      input.addEventListener("change", () => choose(index));
      return { input, picture };
    }).filter(Boolean);
  }).flat();

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

  // --- the networks ------------------------------------------------------------------------------------
  add(host, "h3", {}, "Two networks");
  const chooser = add(host, "div", { class: "tl-chooser" });
  const kinds = [["baseA", "baseA: trained on A"], ["baseB", "baseB: trained on B"], ["A", "AnB: layers 1 to n from base A, frozen"],
    ["B", "BnB: layers 1 to n from base B, frozen"], ["R", "RnB: layers 1 to n random, frozen"]];
  const selects = ["left", "right"].map((which) => select(chooser, which, kinds, change(which)));
  const depths = [...new Set(Object.values(study.networks).map((each) => each.n).filter(Boolean))].sort();
  const cut = range(chooser, "cut after layer n", { min: depths[0], max: depths.at(-1), value: state.n, words: (n) => `n = ${n}` },
    (n) => change("n")(nearest(depths, n)));
  const nameOf = (which) => state[which].startsWith("base") ? state[which] : `${state[which]}${state.n}B`;
  const sentence = add(host, "p", { class: "tl-sentence", role: "status", "aria-live": "polite" });
  const answers = add(host, "div", { class: "tl-pair" });
  const lists = [0, 1].map(() => add(answers, "div", { class: "tl-answers" }));

  // --- the layers --------------------------------------------------------------------------------------
  add(host, "h3", {}, "Eight layers");
  add(host, "p", { class: "tl-hint" }, "Each square is the map of one channel, or one unit: nothing where it has the colour of the page, " +
    "most where it is strongest. Click one to see what it looks for. Drag the cut.");
  const tower = add(host, "div", { class: "tl-tower" });
  const rows = study.networks.baseB.layers.map((layer, depth) => {
    const row = add(tower, "div", { class: "tl-layer" }), title = add(row, "p", { class: "tl-title" });
    const cells = [0, 1].map((which) => {
      const cell = add(row, "div"), whose = add(cell, "p", { class: "tl-whose" }), maps = add(cell, "canvas", { role: "img" });
      maps.addEventListener("click", (event) => {
        Object.assign(state, { layer: depth, unit: squareAt(maps, event, shape(last.runs[which][depth], layer)) });
        renew();
      });
      return { whose, maps };
    });
    return { row, title, cells };
  });
  const blade = add(tower, "div", { class: "tl-cut", title: "Drag the cut" });
  add(blade, "span");
  blade.addEventListener("pointerdown", (event) => { blade.setPointerCapture(event.pointerId); event.preventDefault(); });
  blade.addEventListener("pointermove", (event) => {
    if (!blade.hasPointerCapture(event.pointerId)) return;
    const ends = rows.map(({ row }) => row.getBoundingClientRect().bottom - event.clientY).map(Math.abs);
    const n = nearest(depths, ends.indexOf(Math.min(...ends)) + 1);
    if (n !== state.n) { state.n = n; renew(); }
  });

  const shape = ({ maps, side: across }, layer) =>
    ({ count: layer.outputs, side: across, columns: (across > 1 ? 16 : 32) / (host.clientWidth < 640 ? 2 : 1) });

  // --- one unit ----------------------------------------------------------------------------------------
  add(host, "h3", {}, "One unit, close up");
  const picker = add(host, "div", { class: "tl-chooser" });
  const layerInput = select(picker, "layer", study.networks.baseB.layers.map(({ name }, depth) => [depth, name]), (value) => {
    Object.assign(state, { layer: Number(value), unit: 0 });
    renew();
  });
  const unitLabel = add(picker, "label", { class: "tl-select" });
  add(unitLabel, "span", {}, "unit");
  const unitInput = add(unitLabel, "input", { type: "number", min: 0, value: state.unit });
  unitInput.addEventListener("input", () => { state.unit = Math.floor(Number(unitInput.value)) || 0; renew(); });
  const close = add(host, "div", { class: "tl-pair" });
  const closeUps = [0, 1].map(() => {
    const box = add(close, "div", { class: "tl-unit" });
    const title = add(box, "p", { class: "tl-whose" });
    const parts = ["Its filter", "Its map now", EXCITED].map((name) => {
      const figure = add(box, "figure"), drawn = add(figure, "canvas", { role: "img" });
      return { figure, drawn, words: add(figure, "figcaption", {}, name) };
    });
    return { title, parts };
  });
  const same = add(host, "p", { class: "tl-sentence", role: "status", "aria-live": "polite" });

  // --- what is computed --------------------------------------------------------------------------------
  let known = new Map(), colours = palette(host);

  function renew() {
    stale = true;
    if (sight) requestAnimationFrame(() => { if (stale && sight) render(); });
  }

  function render() {
    const started = performance.now();
    stale = false;
    state.paint = paintWords(paint);
    const before = pixels;
    const sheet = state.blank ? new Uint8Array(3 * side * side).fill(GREY) : pictures[state.image].pixels;
    pixels = edited(sheet, side, state, paint);
    if (!before || pixels.some((value, i) => value !== before[i])) known = new Map();
    const names = ["left", "right"].map(nameOf), networks = names.map((name) => study.networks[name]);
    const runs = networks.map((network) => runNetwork(network.layers, pixels, side, known));
    last = { names, networks, runs, moved: last && last.runs[0] && before && known.size ? last : null };
    host.dataset.milliseconds = (performance.now() - started).toFixed(1);
    const depth = state.layer = Math.min(7, Math.max(0, state.layer));
    state.unit = Math.min(networks[0].layers[depth].outputs - 1, Math.max(0, state.unit));
    showPicture();
    showAnswers();
    showLayers();
    showUnit();
    host.dataset.networks = names.join(" ");
    changed();
  }

  const empty = () => state.blank && !paint.size;

  function showPicture() {
    paintOn(canvas, pixels, side);
    placeBrush();
    const { name, task } = pictures[state.image];
    named.textContent = empty() ? "An empty sheet." : state.blank ? "Your drawing." : `${name} (task ${task})${touched() ? ", changed" : ""}`;
    for (const [key, slider] of sliders) slider.set(state[key]);
    for (const { input, picture } of thumbs)
      input.checked = !state.blank && picture.task === task && picture.label === pictures[state.image].label;
  }
  const touched = () => paint.size || Object.keys(STILL).some((key) => state[key]);

  function showAnswers() {
    const { names, networks, runs } = last, picture = pictures[state.image];
    const tops = runs.map((outputs, which) => {
      const shares = softmax(outputs.at(-1).maps), { target } = networks[which];
      const order = shares.map((share, label) => ({ share, label, name: study.classes[target][label] })).sort((one, other) => other.share - one.share);
      const list = lists[which];
      list.replaceChildren();
      add(list, "p", { class: "tl-whose" }, `${names[which]} says`);
      const answers = add(list, "ol");
      for (const each of order.slice(0, 5)) {
        const right = !state.blank && target === picture.task && each.label === picture.label;
        const item = add(answers, "li"), bar = add(item, "span", { class: "tl-bar", "aria-hidden": "true" });
        bar.style.width = percent(each.share, 1).replace(" ", "");
        add(item, "span", { class: "tl-class" }, `${each.name}${right ? " ✓" : ""}`);
        add(item, "span", { class: "tl-share" }, percent(each.share));
      }
      return order[0];
    });
    const say = tops.map(({ name, share }, which) => `${names[which]} says ${name} (${percent(share)})`).join("; ") + ".";
    const strange = networks.map((each, which) => each.target !== picture.task && !state.blank ? names[which] : null).filter(Boolean);
    const unknown = strange.length ? ` ${[...new Set(strange)].join(" and ")} cannot be right: ${picture.name} is a class of task ${picture.task}.` : "";
    sentence.textContent = empty() ? "The sheet is empty: draw something, or choose an image. What the networks say of nothing means nothing."
      : say + (state.blank ? "" : ` It is ${picture.name}.${unknown}`) + ` ${sharedWords()}`;
    selects.forEach((each, which) => { each.value = state[["left", "right"][which]]; });
    cut.set(state.n);
  }

  // how many of the first layers the two networks share
  function shared() {
    const [one, other] = last.networks.map(({ layers }) => layers), differ = one.findIndex((layer, depth) => layer !== other[depth]);
    return differ < 0 ? 8 : differ;
  }
  function sharedWords() {
    const count = shared(), name = (depth) => study.networks.baseB.layers[depth].name;
    if (count === 8) return "Both are the same network.";
    if (!count) return "No layer is the same in both.";
    return `The same layers in both, and so the same maps: ${count === 1 ? "conv1 alone" : `conv1 to ${name(count - 1)}`}.`;
  }

  function origin({ source, n, target }, depth) {
    if (!source || depth >= n) return `trained on ${target}`;
    return source === "R" ? "random, frozen" : `from base ${source}, frozen`;
  }

  function showLayers() {
    const { names, networks, runs, moved } = last, count = shared();
    rows.forEach(({ row, title, cells }, depth) => {
      const layer = networks[0].layers[depth], { side: across } = runs[0][depth];
      const what = across > 1 ? `${layer.outputs} maps of ${across} × ${across}` : depth === 7 ? `${layer.outputs} classes` : `${layer.outputs} units`;
      title.textContent = `${layer.name}: ${what}${depth < count ? ", the same in both" : ""}`;
      row.classList.toggle("tl-same", depth < count);
      cells.forEach(({ whose, maps }, which) => {
        const { maps: values } = runs[which][depth], shown = depth === 7 ? softmax(values) : values;
        const top = shown.reduce((most, value) => Math.max(most, value), 0);
        whose.textContent = `${names[which]}, ${origin(networks[which], depth)}`;
        drawGrid(maps, shown, { ...shape(runs[which][depth], layer), top, colours, chosen: state.layer === depth ? state.unit : -1 });
        const size = across * across, lit = Array.from({ length: layer.outputs }, (_, unit) => values.subarray(unit * size, (unit + 1) * size).some((value) => value > 0));
        maps.setAttribute("aria-label", `${layer.name} of ${names[which]}: ${what}, ${lit.filter(Boolean).length} of them active; ${origin(networks[which], depth)}`);
        const changedNow = moved && moved.names[which] !== names[which] && moved.networks[which].layers[depth] !== networks[which].layers[depth];
        maps.classList.toggle("tl-changed", Boolean(changedNow));
      });
    });
    const cutting = networks.some(({ source }) => source);
    blade.hidden = !cutting;
    rows[state.n - 1].row.after(blade);
    blade.firstChild.textContent = `✂ n = ${state.n}: above, copied and frozen; below, trained on B`;
  }

  function showUnit() {
    const { names, networks, runs } = last, { layer: depth, unit } = state;
    layerInput.value = depth;
    unitInput.max = networks[0].layers[depth].outputs - 1;
    if (document.activeElement !== unitInput) unitInput.value = unit;
    closeUps.forEach(({ title, parts }, which) => {
      const { layers, target } = networks[which], layer = layers[depth], { maps, side: across } = runs[which][depth];
      const before = depth ? runs[which][depth - 1] : { side }, map = maps.subarray(unit * across ** 2, (unit + 1) * across ** 2);
      title.textContent = `${layer.name}, unit ${unit} of ${names[which]}${depth === 7 ? `: ${study.classes[target][unit]}` : ""}`;
      const [filter, now, patch] = parts;
      drawFilter(filter.drawn, layer, unit, before, colours);
      filter.drawn.setAttribute("aria-label", `The filter of unit ${unit}: weights for ${depth ? `the ${layer.inputs} inputs from ${layers[depth - 1].name}` : "red, green and blue"}`);
      const top = map.reduce((most, value) => Math.max(most, value), 0), all = maps.reduce((most, value) => Math.max(most, value), 0);
      drawGrid(now.drawn, map, { count: 1, side: across, columns: 1, top: all, colours });
      now.words.textContent = `Its ${across > 1 ? "map" : "output"} now, at most ${top.toFixed(2)}`;
      now.drawn.setAttribute("aria-label", now.words.textContent);
      const [image, row, column] = layer.best.subarray(3 * unit, 3 * unit + 3), found = pictures[image];
      drawPatch(patch.drawn, found.pixels, side, seen(layers, depth, row, column, side));
      patch.words.textContent = `${EXCITED}, of the ${pictures.length} images here: ${found.name}`;
      patch.drawn.setAttribute("aria-label", patch.words.textContent);
    });
    const [one, other] = networks.map(({ layers }) => layers[depth]);
    same.textContent = one === other ? `One unit in two networks: ${one.name} is the same layer in both.`
      : names[0] === names[1] ? "" : `Two units that share nothing but their number: ${one.name} was trained, or drawn, separately.`;
  }

  // --- when --------------------------------------------------------------------------------------------
  watchSight(host, (now) => { sight = now; if (now && stale) renew(); });
  new MutationObserver(() => { colours = palette(host); renew(); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  let wide = host.clientWidth < 640;
  new ResizeObserver(() => { if (wide !== (wide = host.clientWidth < 640)) renew(); }).observe(host);
  return (paintedNow) => {  // the state was changed from outside
    paint.clear();
    for (const [place, rgb] of paintOf(paintedNow, side)) paint.set(place, rgb);
    renew();
  };
}
