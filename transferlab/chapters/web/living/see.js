// See: a picture goes through two networks, layer by layer.

const SIDES = ["left", "right"];
const ORIGINS = { A: "#f2b48c", B: "#8fbfe0", R: "#cdafc2", fresh: "#b0b0b0" };  // as in figures.py, but for the fresh: a thin bar needs more ink
const NARROW = 560;  // of the host, in pixels

function see(host, study, state, changed) {
  const { side, pictures } = study, plan = study.networks.baseB.layers;
  const depths = [...new Set(Object.values(study.networks).map((each) => each.n).filter(Boolean))].sort();
  let sight = false, stale = true, last = null, known = new Map(), colours = palette(host);

  const table = easel(host, study, state, renew), { paint } = table;

  // --- the networks: a column each -------------------------------------------------------------------------
  const heads = add(host, "div", { class: "tl-columns tl-heads" });
  const kindOf = (n) => [["baseA", "baseA: all trained on A"], ["baseB", "baseB: all trained on B"],
    ["A", `A${n}B: first ${n} from base A, frozen`], ["B", `B${n}B: first ${n} from base B, frozen`],
    ["R", `R${n}B: first ${n} random, frozen`]];
  const selects = SIDES.map((which) => select(heads, `${which} network`, kindOf(state.n), (value) => { state[which] = value; renew(); }));
  const cut = range(host, "cut after layer", { min: depths[0], max: depths.at(-1), value: state.n, words: (n) => `n = ${n}` },
    (n) => { state.n = n; renew(); });
  cut.input.closest("label").classList.add("tl-depth");
  const answers = add(host, "div", { class: "tl-columns" });
  const lists = SIDES.map(() => {
    const box = add(answers, "div", { class: "tl-answers" });
    return { whose: add(box, "p", { class: "tl-whose" }), list: add(box, "ol") };
  });
  const sentence = add(host, "p", { class: "tl-sentence", role: "status", "aria-live": "polite" });

  // --- the layers --------------------------------------------------------------------------------------
  add(host, "h3", {}, "Eight layers");
  const hint = add(host, "div", { class: "tl-row tl-hint" });
  add(hint, "span", {}, "A square is the map of one channel, or one unit: the stronger its colour, the stronger the answer. " +
    "Choose one to see what it looks for:");
  const layerInput = select(hint, "layer", plan.map(({ name }, depth) => [depth, name]), (value) => choose(Number(value), Math.max(0, state.unit)));
  const unitLabel = add(hint, "label", { class: "tl-select" });
  add(unitLabel, "span", {}, "unit");
  const unitInput = add(unitLabel, "input", { type: "number", min: 0, placeholder: "none" });
  unitInput.addEventListener("input", () => choose(state.layer, unitInput.value === "" ? -1 : Math.max(0, Math.floor(Number(unitInput.value)) || 0)));
  const tower = add(host, "div", { class: "tl-tower" });
  const rows = plan.map((layer, depth) => {
    const row = add(tower, "div", { class: "tl-layer" }), title = add(row, "p", { class: "tl-title" });
    const parts = { name: add(title, "b", {}, layer.name), what: add(title, "span", { class: "tl-what" }) };
    const cells = SIDES.map((_, which) => {
      const cell = add(row, "div", { class: "tl-cell" }), whose = add(cell, "p", { class: "tl-origin" });
      const maps = add(cell, "canvas", { role: "img" });
      maps.addEventListener("click", (event) => choose(depth, squareAt(maps, event, shape(last.runs[which][depth], layer, depth))));
      if (!which) parts.same = add(row, "span", { class: "tl-equal", "aria-hidden": "true" }, "=");
      return { cell, whose, maps };
    });
    return { row, cells, ...parts };
  });

  // the cut, to be dragged; the slider above does the same by keyboard
  const blade = add(tower, "div", { class: "tl-cut", "aria-hidden": "true", title: "Drag the cut" });
  const edges = SIDES.map(() => add(blade, "span", { class: "tl-edge" })), knob = add(blade, "span", { class: "tl-knob" });
  blade.addEventListener("pointerdown", (event) => { blade.setPointerCapture(event.pointerId); event.preventDefault(); });
  blade.addEventListener("pointermove", (event) => {
    if (!blade.hasPointerCapture(event.pointerId)) return;
    const ends = rows.map(({ row }) => Math.abs(row.getBoundingClientRect().bottom - event.clientY));
    const near = depths.reduce((one, other) => ends[other - 1] < ends[one - 1] ? other : one);
    if (near !== state.n) { state.n = near; renew(); }
  });

  const narrow = () => host.clientWidth < NARROW;
  function shape({ side: across }, layer, depth) {
    const columns = depth === 0 ? 8 : across > 1 ? 16 : 32;
    return { count: layer.outputs, side: across, columns: narrow() ? columns / 2 : columns };
  }

  // --- one unit, under the layer that it belongs to -----------------------------------------------------
  const panel = add(tower, "section", { class: "tl-close", "aria-label": "One unit" });
  const panelRow = add(panel, "div", { class: "tl-columns" });
  const closeUps = SIDES.map(() => {
    const box = add(panelRow, "div", { class: "tl-unit" }), title = add(box, "p", { class: "tl-whose" });
    const parts = ["filter", "map now", "patch"].map(() => {
      const figure = add(box, "figure"), drawn = add(figure, "canvas", { role: "img" });
      return { drawn, words: add(figure, "figcaption") };
    });
    return { title, parts };
  });
  const same = add(panel, "p", { class: "tl-sentence", role: "status", "aria-live": "polite" });
  button(panel, "Close", () => choose(state.layer, -1));

  // What was clicked stays where it is under the pointer, although the panel moves.
  function choose(layer, unit) {
    const before = rows[layer].row.getBoundingClientRect().top;
    Object.assign(state, { layer, unit });
    renew(() => scrollBy(0, rows[layer].row.getBoundingClientRect().top - before));
  }

  // --- what is computed --------------------------------------------------------------------------------
  function renew(then = () => {}) {
    stale = true;
    if (sight) requestAnimationFrame(() => { if (stale && sight) { render(); then(); } });
  }

  const nameOf = (which) => state[which].startsWith("base") ? state[which] : `${state[which]}${state.n}B`;

  function render() {
    const started = performance.now();
    stale = false;
    if (table.renewed()) known = new Map();
    const names = SIDES.map(nameOf), networks = names.map((name) => study.networks[name]);
    const runs = networks.map((network) => runNetwork(network.layers, table.pixels(), side, known));
    host.dataset.milliseconds = (performance.now() - started).toFixed(1);
    host.dataset.computed = String(1 + Number(host.dataset.computed || 0));
    last = { names, networks, runs, before: last };
    last.before = last.before && { names: last.before.names, networks: last.before.networks };
    state.unit = Math.min(networks[0].layers[state.layer].outputs - 1, Math.max(-1, state.unit));
    table.show();
    showWords();
    showLayers();
    showUnit();
    host.dataset.networks = names.join(" ");
    changed();
  }

  function showWords() {
    const { names, networks, runs } = last, picture = pictures[state.image], drawn = Boolean(state.blank);
    const tops = runs.map((outputs, which) => {
      const { target } = networks[which], order = ranked(outputs.at(-1).maps, study.classes[target]);
      lists[which].whose.textContent = `${names[which]} says`;
      showAnswers(lists[which].list, order, !drawn && target === picture.task ? picture.label : -1);
      return order[0];
    });
    const say = tops.map(({ name, share }, which) => `${names[which]} says ${name} (${percent(share)})`).join("; ") + ".";
    const strange = [...new Set(names.filter((_, which) => networks[which].target !== picture.task))];
    const unknown = strange.length ? ` ${strange.join(" and ")} cannot be right: this is a class of task ${picture.task}.` : "";
    sentence.textContent = table.empty()
      ? "The sheet is empty: draw something, or choose an image. What networks say of nothing means nothing."
      : `${say}${drawn ? "" : ` It is ${picture.name}.${unknown}`} ${sharedWords()}`;
    SIDES.forEach((which, index) => {
      kindOf(state.n).forEach(([, words], option) => { selects[index].options[option].textContent = words; });
      selects[index].value = state[which];
    });
    cut.set(state.n);
  }

  // how many of the first layers the two networks share
  function shared() {
    const [one, other] = last.networks.map(({ layers }) => layers), differ = one.findIndex((layer, depth) => layer !== other[depth]);
    return differ < 0 ? 8 : differ;
  }
  function sharedWords() {
    const count = shared();
    if (count === 8) return "Both are the same network.";
    if (!count) return "They share no layer.";
    return `They share ${count === 1 ? "conv1" : `conv1 to ${plan[count - 1].name}`}, so those maps are equal.`;
  }

  // where a layer comes from: a colour, and words
  function origin({ source, n, target }, depth) {
    if (!source) return [ORIGINS[target], `trained on ${target}`];
    if (depth >= n) return [ORIGINS.fresh, `fresh, trained on ${target}`];
    return [ORIGINS[source], source === "R" ? "random, frozen" : `from base ${source}, frozen`];
  }

  function showLayers() {
    const { names, networks, runs, before } = last, count = shared();
    rows.forEach(({ row, what, cells }, depth) => {
      const layer = plan[depth], { side: across } = runs[0][depth];
      const words = `${layer.outputs} ${across > 1 ? `maps of ${across} × ${across}` : depth === 7 ? "classes" : "units"}`;
      what.textContent = words + (depth < count ? ", the same in both" : "");
      row.classList.toggle("tl-same", depth < count);
      row.classList.toggle("tl-begins", depth === 0 || networks.some((each) => each.n === depth));
      cells.forEach(({ cell, whose, maps }, which) => {
        const { maps: values } = runs[which][depth], shown = depth === 7 ? softmax(values) : values;
        const [colour, from] = origin(networks[which], depth), above = depth && origin(networks[which], depth - 1)[1];
        cell.style.setProperty("--tl-from", themed(colour));
        whose.textContent = from === above ? "" : from;
        const most = shown.reduce((top, value) => Math.max(top, value), 0), size = across * across;
        drawGrid(maps, shown, { ...shape(runs[which][depth], layer, depth), most, colours, chosen: state.layer === depth ? state.unit : -1 });
        let lit = 0;
        for (let unit = 0; unit < layer.outputs; unit++) lit += values.subarray(unit * size, (unit + 1) * size).some((value) => value > 0);
        maps.setAttribute("aria-label", `${layer.name} of ${names[which]}: ${words}, ${lit} of them active; ${from}`);
        const moved = before && before.names[which] !== names[which] && before.networks[which].layers[depth] !== networks[which].layers[depth];
        cell.classList.toggle("tl-changed", Boolean(moved));
      });
    });
    blade.hidden = networks.every(({ source }) => !source);
    rows[state.n - 1].row.after(blade);
    edges.forEach((edge, which) => { edge.style.visibility = networks[which].source ? "visible" : "hidden"; });
    knob.textContent = `↕ n = ${state.n}`;
  }

  function showUnit() {
    const { names, networks, runs } = last, { layer: depth, unit } = state;
    layerInput.value = depth;
    unitInput.max = plan[depth].outputs - 1;
    if (document.activeElement !== unitInput || unit < Number(unitInput.value)) unitInput.value = unit < 0 ? "" : unit;
    panel.hidden = unit < 0;
    if (panel.hidden) return;
    const row = rows[depth].row;
    (row.nextSibling === blade ? blade : row).after(panel);
    closeUps.forEach(({ title, parts: [filter, now, patch] }, which) => {
      const { layers, target } = networks[which], layer = layers[depth], { maps, side: across } = runs[which][depth];
      const before = depth ? runs[which][depth - 1] : { side }, map = maps.subarray(unit * across ** 2, (unit + 1) * across ** 2);
      title.textContent = `${layer.name}, unit ${unit} of ${names[which]}${depth === 7 ? `: ${study.classes[target][unit]}` : ""}`;
      drawFilter(filter.drawn, layer, unit, before, colours);
      filter.words.textContent = depth ? `filter: weights for ${layers[depth - 1].name}` : "filter: weights for red, green, blue";
      const top = map.reduce((most, value) => Math.max(most, value), 0), all = maps.reduce((most, value) => Math.max(most, value), 0);
      drawGrid(now.drawn, map, { count: 1, side: across, columns: 1, most: all, colours });
      now.words.textContent = `${across > 1 ? "map" : "output"} now, at most ${top.toFixed(2)}`;
      const [image, down, right] = layer.best.subarray(3 * unit, 3 * unit + 3), found = pictures[image];
      drawPatch(patch.drawn, found.pixels, side, seen(layers, depth, down, right, side));
      patch.words.textContent = `patch that excites it most: ${found.name}`;
      for (const { drawn, words } of [filter, now, patch]) drawn.setAttribute("aria-label", `${title.textContent}, ${words.textContent}`);
    });
    const [one, other] = networks.map(({ layers }) => layers[depth]);
    same.textContent = one === other ? `${one.name} is the same layer in both networks: one unit, seen twice.`
      : `These two units share their number and no more: ${one.name} was trained, or drawn, separately.`;
  }

  // --- when --------------------------------------------------------------------------------------------
  watchSight(host, (now) => { sight = now; if (now && stale) renew(); });
  new MutationObserver(() => { colours = palette(host); renew(); }).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  let wide = host.clientWidth;
  new ResizeObserver(() => { if (wide !== (wide = host.clientWidth)) renew(); }).observe(host);
  return (paintedNow) => {  // the state was changed from outside
    paint.clear();
    for (const [place, rgb] of paintOf(paintedNow, side)) paint.set(place, rgb);
    renew();
  };
}
