// The explorer: choose n, a condition, a split and whose networks; see the network, its place and how it learned.

function explorer(host, data) {
  const state = { condition: "AnB", n: 3, split: "random", source: data.small ? "both" : "ours" };
  const latest = data.yours.at(-1);  // in a live notebook: what the reader has just trained
  if (latest) Object.assign(state, { condition: latest.condition, n: latest.n, split: latest.split });
  const look = Object.fromEntries(data.conditions.map((each) => [each.name, each]));
  const form = add(host, "form", { class: "tl-controls" });
  form.addEventListener("submit", (event) => event.preventDefault());

  function choice(title, key, options) {
    const group = add(form, "fieldset");
    add(group, "legend", {}, title);
    for (const [value, name] of options) {
      const label = add(group, "label");
      const input = add(label, "input", { type: "radio", name: `${host.id}-${key}`, value });
      input.checked = state[key] === value;
      input.addEventListener("change", () => { state[key] = value; render(); });
      if (key === "condition") {  // so that the choice is the legend, too
        const swatch = add(label, "svg", { viewBox: "-7 -7 14 14", class: "tl-swatch", "aria-hidden": "true" });
        add(swatch, "path", { d: SHAPES[look[value].marker], fill: look[value].colour });
      }
      add(label, "span", {}, name);
    }
  }
  choice("condition", "condition", data.conditions.map((each) => [each.name, each.name]));
  if (!data.small) {
    choice("split", "split", [["random", "random halves"], ["kingdom", "natural and man-made"]]);
    choice("networks", "source", [["ours", "ours"], ["2014", "2014"], ["both", "both"]]);
  }
  const depth = add(add(form, "fieldset"), "label", { class: "tl-depth" });
  const shown = add(depth, "span", {});
  const slider = add(depth, "input", { type: "range", min: 0, max: 7, step: 1, value: state.n });
  slider.addEventListener("input", () => { state.n = Number(slider.value); render(); });

  const sentence = add(host, "p", { class: "tl-sentence", "aria-live": "polite" });
  const drawing = add(host, "div", { class: "tl-diagram" });
  const charts = add(host, "div", { class: "tl-charts" });
  const place = add(charts, "div"), learning = data.small ? null : add(charts, "div");

  // n = 0 is the base, whatever the condition; a base has no other n
  const isBase = () => state.n === 0 || state.condition === "base";
  const name = () => isBase() ? "baseB" : data.names[state.condition].replace("n", state.n);
  const rows = (source, condition, measure) => data.series[source][state.split][measure][condition] || [];
  const row = (source, measure) => isBase() ? rows(source, "base", measure)[0]
    : rows(source, state.condition, measure).find((each) => each.n === state.n);

  function layers() {
    if (isBase()) return "All eight layers of baseB began fresh and were trained on task B.";
    const one = state.n === 1, source = name()[0];
    const origin = source === "R" ? "left at random values" : `copied from base${source}`;
    const fate = state.condition.endsWith("++") ? "fine-tuned in a second stage, after the others"
      : state.condition.endsWith("+") ? "fine-tuned with the rest" : "kept frozen";
    return `The first ${one ? "layer" : `${state.n} layers`} of ${name()} ${one ? "was" : "were"} ${origin} and ` +
      `${fate}; the other ${8 - state.n} began fresh and were trained on task B.`;
  }

  function outcome(source) {
    const whose = source === "ours" ? "Ours" : "2014", accuracy = row(source, "accuracy");
    if (!accuracy) return `${whose}: there are no such networks in the table.`;
    const count = accuracy.values.length, many = count > 1 ? `${count} networks` : "one network";
    const start = `${whose}: ${many}, ${percent(accuracy.mean, 1)} right${count > 1 ? " on average" : ""}`;
    const points = row(source, "points");
    if (isBase() || !points) return `${start}.`;
    const side = points.mean < 0 ? "below" : "above", size = Math.abs(points.mean).toFixed(1);
    const against = `${start}, ${size} points ${side} the ${count > 1 ? "bases of the same tasks" : "base of the same task"}`;
    if (points.low === null) return `${against}; one network has no interval.`;
    const sure = points.low > 0 || points.high < 0 ? `clearly ${side}` : "no difference that so few could show";
    return `${against} (95 % interval ${signed(points.low)} to ${signed(points.high)}: ${sure}).`;
  }

  function own() {
    const each = data.yours.findLast((one) => one.split === state.split && one.condition === state.condition &&
      one.n === state.n);
    return each ? [`Yours, a cross: ${percent(each.accuracy, 1)} right, ${signed(each.points)} points against its base.`] : [];
  }

  const sources = () => state.source === "both" ? ["ours", "2014"] : [state.source];

  function drawLayers(words) {
    const root = picture(drawing, 640, 92, words);
    data.layers.forEach((layer, index) => {
      const kept = !isBase() && index < state.n;
      const origin = kept ? name()[0] : "fresh", x = 4 + 80 * index;
      add(root, "rect", { x, y: 4, width: 72, height: 84, rx: 8, fill: data.origins[origin], stroke: "#333333" });
      add(root, "text", { x: x + 36, y: 26, "text-anchor": "middle", "font-size": 17, fill: "currentColor" }, layer);
      const label = origin === "R" ? "random" : origin;
      add(root, "text", { x: x + 36, y: 78, "text-anchor": "middle", "font-size": 17, "font-weight": "bold",
        fill: "currentColor" }, label);
      if (kept && !state.condition.endsWith("+"))  // a lock
        add(root, "path", { d: `M${x + 28} 48h16v12h-16z M${x + 31} 48v-4a5 5 0 0 1 10 0v4h-2.5v-4a2.5 2.5 0 0 0-5 0v4z`,
          fill: "#333333" });
    });
  }

  function drawPlace() {
    const both = state.source === "both", measure = both ? "points" : "accuracy";
    // random filters lie so low that they would flatten all others: they count only where they are chosen
    const counted = ([condition]) => condition !== "random" || state.condition === "random";
    const all = sources().flatMap((each) =>
      Object.entries(data.series[each][state.split][measure]).filter(counted).flatMap(([, rows]) => rows));
    const yours = data.yours.filter((each) => each.split === state.split && counted([each.condition]));
    const values = all.flatMap((each) => [each.mean, each.low ?? each.mean, each.high ?? each.mean, ...each.values])
      .concat(yours.map((each) => each[measure]));
    const low = Math.min(...values), high = Math.max(...values), room = 0.05 * (high - low || 1);
    const format = both ? whole : (value) => percent(value);
    const plot = axes(place, { low: -0.3, high: 7.4, label: "n, the layers copied", ticks: [0, 1, 2, 3, 4, 5, 6, 7],
      format: String }, { low: low - room, high: high + room, label: both ? "points against its own base" :
      "accuracy on the target", format }, `${name()} among the others. ${sources().map(outcome).join(" ")}`, { room: 76 });
    const ends = [];
    for (const source of sources()) {
      const hollow = both && source === "2014";
      const base = both ? { mean: 0 } : rows(source, "base", measure)[0];
      if (base && !hollow) ends.push({ name: "base", y: base.mean, colour: "currentColor" });
      if (base && !hollow) line(plot, [[-0.3, base.mean], [7.4, base.mean]],
        { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "5 4" });
      for (const { name: condition } of data.conditions.filter((each) => each.name !== "base" && counted([each.name]))) {
        const chosen = condition === state.condition && !isBase();
        curve(plot, rows(source, condition, measure), look[condition], { hollow, faint: !chosen, bars: chosen });
        const end = chosen && rows(source, condition, measure).at(-1);
        if (end) ends.push({ name: hollow ? `${condition}, 2014` : condition, y: end.mean, colour: look[condition].ink });
      }
      const here = row(source, measure) || (isBase() && both ? { n: 0, mean: 0, values: [] } : null);
      if (!here) continue;
      const at = (isBase() ? 0 : state.n) + (hollow ? 0.12 : 0);
      const style = { fill: look[isBase() ? "base" : state.condition].colour, opacity: 0.5 };
      for (const value of here.values) marker(plot, "o", at, value, style, 0.6);
      add(plot.root, "circle", { cx: plot.across(at), cy: plot.up(here.mean), r: 11, fill: "none",
        stroke: "currentColor", "stroke-width": 1.8 });
    }
    names(plot, ends);
    for (const each of yours)
      marker(plot, "x", each.n, each[measure], { stroke: look[each.condition].colour, "stroke-width": 2, class: "tl-yours" });
  }

  function drawLearning() {
    if (data.small) return;
    const curves = data.learning[state.split] || {}, mine = curves[name()];
    learning.replaceChildren();
    if (!mine) {
      add(learning, "p", { class: "tl-none" }, state.source === "2014"
        ? "The table of 2014 has no learning curves."
        : `${name()} was not trained to make this page on this split, so it has no learning curve here.`);
      return;
    }
    const shownRuns = [["baseB", curves.baseB], [name(), mine]].filter(([key, run], i) => run && (i || key !== name()));
    const last = Math.max(...mine.epoch);
    const plot = axes(learning, { low: 0, high: last, label: "epoch", format: String },
      { low: 0, high: 1, label: "accuracy (thin: training images)", format: (value) => percent(value) },
      `How ${name()} learned: ${percent(mine.test.at(-1)[1], 1)} of the held-out images after epoch ${last}.`);
    for (const [key, run] of shownRuns) {
      const each = look[key === "baseB" ? "base" : state.condition], style = { stroke: each.colour };
      line(plot, run.epoch.map((epoch, i) => [epoch, run.train[i]]), { ...style, "stroke-width": 1, opacity: 0.7 });
      line(plot, run.test, style);
      for (const [epoch, value] of run.test) marker(plot, each.marker, epoch, value, { fill: each.colour }, 0.7);
      const [epoch, value] = run.test.at(-1);
      add(plot.root, "text", { x: plot.across(epoch) - 4, y: plot.up(value) + (key === "baseB" ? -8 : 18),
        "text-anchor": "end", "font-size": 12, fill: each.ink }, key);
    }
  }

  function render() {
    shown.textContent = `n = ${state.n}`;
    slider.setAttribute("aria-label", "n, the number of layers copied");
    slider.setAttribute("aria-valuetext", `n = ${state.n}: ${name()}`);
    sentence.textContent = [layers(), ...sources().map(outcome), ...own()].join(" ");
    host.dataset.network = name();
    drawLayers(layers());
    drawPlace();
    drawLearning();
  }
  render();
}
