// The explorer: choose n, a condition, a split and whose networks; see the network, its place and how it learned.

function explorer(host, data) {
  host.replaceChildren();  // what stands there for pages without scripts
  const look = Object.fromEntries(data.conditions.map((each) => [each.name, each]));
  const splits = data.small ? { random: "random halves" } : { random: "random halves", kingdom: "natural and man-made" };
  const titles = { ours: "Ours", emoji: "Emoji", 2014: "2014" };
  const owners = data.small ? ["both"] : [...["ours", "emoji", "2014"].filter((each) => each in data.series), "both"];
  const state = { condition: "AnB", n: 3, split: "random", source: owners[0] };
  const latest = data.yours.at(-1);  // in a live notebook: what the reader has just trained
  if (latest) Object.assign(state, { condition: latest.condition, n: latest.n, split: latest.split });

  // --- the address: #explorer=AnB+,3,random,both, and #explorer-2=... for the second explorer of a page

  const position = [...document.querySelectorAll('[id^="tl-explorer-"]')].indexOf(host);
  const entry = position ? `explorer-${position + 1}` : "explorer";
  const entries = () => location.hash.slice(1).split("&").filter((each) => each.includes("="));

  // The state in the address, or the nearest that there is. Says whether the address has one.
  function read() {
    const found = entries().find((each) => each.startsWith(`${entry}=`));
    if (!found) return false;
    let text = found.slice(entry.length + 1);
    try { text = decodeURIComponent(text); } catch { /* it stays as it is */ }
    const [condition = "", n = "", split, source] = text.split(",").map((each) => each.trim());
    const begins = Object.keys(look).filter((each) => condition.toLowerCase().startsWith(each.toLowerCase()));
    if (begins.length) state.condition = begins.sort((one, other) => other.length - one.length)[0];
    if (Number.isFinite(parseFloat(n))) state.n = Math.min(7, Math.max(0, Math.round(parseFloat(n))));
    if (split in splits) state.split = split;
    if (owners.includes(source)) state.source = source;
    return true;
  }

  function write() {
    if (document.body.dataset.jpThemeLight) return;  // the address of JupyterLab is its own
    const others = entries().filter((each) => !each.startsWith(`${entry}=`));
    const mine = `${entry}=${[state.condition, state.n, state.split, state.source].join(",")}`;
    try { history.replaceState(history.state, "", `#${[...others, mine].join("&")}`); } catch { /* a frame without one */ }
  }

  function change(part) {
    Object.assign(state, part);
    write();
    render();
  }

  // --- what is chosen

  const form = add(host, "form", { class: "tl-controls" });
  form.addEventListener("submit", (event) => event.preventDefault());
  const inputs = [];

  function choice(title, key, options) {
    const group = add(form, "fieldset");
    add(group, "legend", {}, title);
    for (const [value, name] of options) {
      const label = add(group, "label");
      const input = add(label, "input", { type: "radio", name: `${host.id}-${key}`, value, ...KEYS });
      input.addEventListener("change", () => change({ [key]: value }));
      inputs.push({ input, key, value });
      if (key === "condition") {  // so that the choice is the legend, too
        const swatch = add(label, "svg", { viewBox: "-7 -7 14 14", class: "tl-swatch", "aria-hidden": "true" });
        add(swatch, "path", { d: SHAPES[look[value].marker], fill: look[value].colour });
      }
      add(label, "span", {}, name);
    }
  }
  choice("condition", "condition", data.conditions.map((each) => [each.name, each.name]));
  if (!data.small) {
    choice("split", "split", Object.entries(splits));
    choice("networks", "source", owners.map((each) => [each, each === "both" ? "ours and 2014" : titles[each]]));
  }
  const depth = add(add(form, "fieldset"), "label", { class: "tl-depth" });
  const shown = add(depth, "span", {});
  const slider = add(depth, "input", { type: "range", min: 0, max: 7, step: 1, ...KEYS });
  slider.addEventListener("input", () => change({ n: Number(slider.value) }));

  const say = add(host, "div", { class: "tl-say" });  // as high as the longest sentence, so that nothing jumps
  const sentence = add(say, "p", { class: "tl-sentence", "aria-live": "polite" });
  const layersOf = drawing(add(host, "div", { class: "tl-diagram" }), -12, 664, 116);
  const charts = add(host, "div", { class: "tl-charts" });
  const place = add(charts, "div"), placed = drawing(add(place, "div", { class: "tl-place" }), 0, 420, 300, "group");
  const pointAt = speaking(placed, add(place, "p", { class: "tl-value" }),
    "Point at a marker, tap it, or reach it by Tab and arrow keys: its value is said here.");
  let learning, learned, learnedAt, missing;
  if (!data.small) {
    const part = add(charts, "div");
    learning = add(part, "div", { class: "tl-learning" });
    learned = drawing(learning, 0, 420, 300, "group");
    missing = add(learning, "p", { class: "tl-none" });
    learnedAt = speaking(learned, add(part, "p", { class: "tl-value" }), "");
  }

  // --- in words. n = 0 is the base, whatever the condition; a base has no other n

  const isBase = (at = state) => at.n === 0 || at.condition === "base";
  const name = (at = state) => isBase(at) ? "baseB" : data.names[at.condition].replace("n", at.n);
  const series = (source, measure) => data.series[source][state.split][measure];
  const rows = (source, condition, measure) => series(source, measure)[condition] || [];
  const row = (source, measure, at = state) => isBase(at) ? rows(source, "base", measure)[0]
    : rows(source, at.condition, measure).find((each) => each.n === at.n);
  const sources = () => state.source === "both" ? ["ours", "2014"] : [state.source];
  const listed = (list) => list.length < 2 ? list.join("") : `${list.slice(0, -1).join(", ")} and ${list.at(-1)}`;
  const networks = (count) => count > 1 ? `${count} networks` : "one network";

  function layers(at = state) {
    if (isBase(at)) return "All eight layers of baseB began fresh and were trained on task B.";
    const one = at.n === 1, source = name(at)[0];
    const origin = source === "R" ? "left at random values" : `copied from base${source}`;
    const fate = at.condition.endsWith("++") ? "fine-tuned in a second stage, after the others"
      : at.condition.endsWith("+") ? "fine-tuned with the rest" : "kept frozen";
    return `The first ${one ? "layer" : `${at.n} layers`} of ${name(at)} ${one ? "was" : "were"} ${origin} and ` +
      `${fate}; the other ${8 - at.n} began fresh and were trained on task B.`;
  }

  function lacking(source, at) {
    const there = data.conditions.map((each) => each.name).filter((each) => rows(source, each, "accuracy").length);
    const it = source === "2014" ? "no such network has a public log" : "no such network was trained";
    const other = rows(source, at.condition, "accuracy").map((each) => each.n);
    const instead = other.length ? `; of ${at.condition} there ${other.length > 1 ? "are" : "is"} n = ${listed(other)}`
      : there.length ? `; on this split there are ${listed(there)}` : "";
    return `${titles[source]}: ${it}${instead}.`;
  }

  // Accuracies of 2014 are not pooled: of many networks only one half has a log, and the halves differ in difficulty.
  function outcome(source, at = state) {
    const whose = titles[source], accuracy = row(source, "accuracy", at);
    if (!accuracy) return lacking(source, at);
    const count = accuracy.values.length, points = row(source, "points", at);
    const right = `${percent(accuracy.mean, 1)} right${count > 1 ? " on average" : ""}`;
    if (isBase(at) || !points) return `${whose}: ${networks(count)}, ${right}.`;
    const side = points.mean < 0 ? "below" : "above", size = Math.abs(points.mean).toFixed(1);
    const start = `${whose}: ${networks(count)}, ${source === "2014" ? "" : `${right}, `}${size} points ${side} the ` +
      `${count > 1 ? "bases of the same tasks" : "base of the same task"}`;
    const all = source === "2014" && at.condition === "random"
      ? ` It was trained on all 1000 classes${accuracy.mean < 0.002 ? ", and learned nothing" : ""}.` : "";
    if (points.low === null) return `${start}; one network has no interval.${all}`;
    const sure = points.low > 0 || points.high < 0 ? `clearly ${side}` : "no difference that so few could show";
    return `${start} (95 % interval ${signed(points.low)} to ${signed(points.high)}: ${sure}).${all}`;
  }

  const yours = (at = state) => data.yours.findLast((one) =>
    one.split === at.split && one.condition === at.condition && one.n === at.n);
  const own = (at) => yours(at) ? [`Yours, a cross: ${yours(at).said}.`] : [];
  const words = (at = state) => [layers(at), ...sources().map((each) => outcome(each, at)), ...own(at)].join(" ");

  // What a marker says: its value, the interval and the number of networks.
  function value(source, condition, each, measure) {
    const plain = (number) => measure === "points" ? signed(number) : percent(number, 1);
    const interval = each.low === null ? "" : ` (95 % interval ${plain(each.low)} to ${plain(each.high)})`;
    const against = measure === "points" ? " points against its base" : " right";
    return `${condition} at n = ${each.n}, ${source}: ${plain(each.mean)}${against}${interval}, ${networks(each.values.length)}.`;
  }

  // --- in pictures

  const cut = () => isBase() ? 0 : state.n;
  let before = state.condition === "base" ? "AnB" : state.condition;  // what a base becomes when it is cut

  function drawLayers() {
    const { put } = layersOf;
    data.layers.forEach((layer, index) => {
      const kept = index < cut(), origin = kept ? name()[0] : "fresh", x = 4 + 80 * index;
      put(`box ${index}`, "rect", { x, y: 4, width: 72, height: 84, rx: 8, fill: data.origins[origin], stroke: "#333333" });
      put(`layer ${index}`, "text", { x: x + 36, y: 26, "text-anchor": "middle", "font-size": 18, fill: "currentColor" }, layer);
      const said = origin === "R" ? "random" : origin;
      put(`from ${index}`, "text", { x: x + 36, y: 78, "text-anchor": "middle", "font-size": said.length > 5 ? 15 : 18,
        "font-weight": "bold", fill: "currentColor" }, said);
      if (kept && !state.condition.endsWith("+"))  // a lock
        put(`lock ${index}`, "path", { d: `M${x + 28} 48h16v12h-16z M${x + 31} 48v-4a5 5 0 0 1 10 0v4h-2.5v-4a2.5 2.5 0 0 0-5 0v4z`,
          fill: "#333333" });
    });
    const x = 80 * cut(), end = cut() > 4;
    put("cut", "line", { x1: x, x2: x, y1: 0, y2: 92, stroke: "#0b6e99", "stroke-width": 4 });
    put("knob", "circle", { cx: x, cy: 101, r: 10, fill: "#0b6e99" });
    put("hint", "text", { x: end ? x - 18 : x + 18, y: 107, "text-anchor": end ? "end" : "start", "font-size": 18,
      fill: "currentColor", class: "tl-hint" }, end ? "the cut: drag it ⇄" : "⇄ the cut: drag it");
    put("grip", "rect", { x: x - 34, y: 0, width: 68, height: 116, class: "tl-grip" });
    layersOf.show(layers());
  }

  function moveCut(x) {
    const n = Math.min(7, Math.max(0, Math.round(x / 80)));
    if (n === cut()) return;
    change({ n, condition: n && state.condition === "base" ? before : state.condition });
  }
  draggable(layersOf, (x) => { moveCut(x); return moveCut; });

  function drawPlace() {
    const both = state.source === "both", measure = ["both", "2014"].includes(state.source) ? "points" : "accuracy";
    // random filters lie so low that they would flatten all others: they count only where they are chosen
    const counted = (condition) => condition !== "random" || state.condition === "random";
    const barred = (condition) => condition === "base" || (condition === "random") === (state.condition === "random");
    const crosses = data.yours.filter((each) => each.split === state.split && counted(each.condition));
    const values = sources().flatMap((source) => data.conditions.filter((each) => counted(each.name))
      .flatMap(({ name: condition }) => rows(source, condition, measure).flatMap((each) => [each.mean,
        ...barred(condition) ? [each.low ?? each.mean, each.high ?? each.mean, ...each.values] : []])))
      .concat(crosses.map((each) => each[measure]), measure === "points" ? [0] : []);
    const bound = (number) => measure === "points" ? number : Math.min(1, Math.max(0, number));
    const ends = values.map(bound), least = ends.length ? Math.min(...ends) : 0, most = ends.length ? Math.max(...ends) : 1;
    const room = 0.05 * (most - least || 1);
    const y = { low: bound(least - room), high: bound(most + room), format: measure === "points" ? whole : (each) => percent(each),
      label: measure === "points" ? "points against its own base" : "accuracy on the target" };
    axes(placed, { low: -0.3, high: 7.4, label: "n, the layers copied", ticks: [0, 1, 2, 3, 4, 5, 6, 7], format: String }, y, 76);
    placed.root.dataset.measure = measure;
    const named = [], points = [], chosenKey = `${sources()[0]} ${isBase() ? "base" : state.condition} ${cut()}`;
    for (const source of sources()) {
      const hollow = both && source === "2014", shift = hollow ? 0.12 : 0;
      const point = (condition, each) => points.push({ key: `${source} ${condition} ${each.n}`, series: `${source} ${condition}`,
        n: each.n, x: placed.across(each.n + shift), y: placed.up(each.mean), words: value(source, condition, each, measure),
        choose: () => change({ condition, n: each.n }) });
      const base = measure === "points" ? { n: 0, mean: 0 } : rows(source, "base", measure)[0];
      if (base && !hollow) {
        named.push({ name: "base", y: base.mean, colour: "currentColor" });
        line(placed, "base", [[-0.3, base.mean], [7.4, base.mean]],
          { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "5 4" });
        if (measure === "accuracy") {
          curve(placed, `${source} base`, [base], look.base, { faint: !isBase(), bars: isBase() });
          point("base", base);
        }
      }
      for (const { name: condition } of data.conditions.filter((each) => each.name !== "base" && counted(each.name))) {
        const chosen = condition === state.condition && !isBase(), list = rows(source, condition, measure);
        if (!list.length) continue;
        curve(placed, `${source} ${condition}`, list, look[condition], { hollow, faint: !chosen, bars: chosen });
        for (const each of list) point(condition, each);
        if (chosen) named.push({ name: hollow ? `${condition}, 2014` : condition, y: list.at(-1).mean, colour: look[condition].ink });
      }
      const here = row(source, measure) || (isBase() && measure === "points" ? { n: 0, mean: 0, values: [] } : null);
      if (!here) continue;
      const style = { fill: look[isBase() ? "base" : state.condition].colour, opacity: 0.5 };
      here.values.forEach((each, i) => marker(placed, `${source} network ${i}`, "o", cut() + shift, each, style, 0.6));
      placed.put(`${source} ring`, "circle", { cx: placed.across(cut() + shift).toFixed(1), cy: placed.up(here.mean).toFixed(1),
        r: 11, fill: "none", stroke: "currentColor", "stroke-width": 1.8 });
    }
    names(placed, named);
    crosses.forEach((each, i) => {
      const style = { stroke: look[each.condition].colour, "stroke-width": 2, class: "tl-yours" };
      marker(placed, `yours ${i}`, "x", each.n, each[measure], style);
      points.push({ key: `yours ${i}`, series: "yours", n: each.n, x: placed.across(each.n), y: placed.up(each[measure]),
        words: `${each.condition} at n = ${each.n}, yours: ${each.said}.` });
    });
    pointAt(points, chosenKey);
    placed.show(`${name()} among the others. ${sources().map((each) => outcome(each)).join(" ")}`);
  }

  function drawLearning() {
    if (data.small) return;
    const curves = data.learning[state.split] || {}, others = ["emoji", "2014"].includes(state.source);
    const mine = others ? null : curves[name()];
    missing.textContent = mine ? "" : others ? `The table of ${titles[state.source]} has no learning curves.`
      : `${name()} was not trained to make this page on this split, so it has no learning curve here.`;
    learned.root.style.visibility = mine ? "visible" : "hidden";
    if (!mine) return;
    const runs = [["baseB", mine.base || curves.baseB], [name(), mine]].filter(([key, run], i) => run && (i || key !== name()));
    const last = Math.max(...mine.epoch), points = [];
    axes(learned, { low: 0, high: last, label: "epoch", format: String },
      { low: 0, high: 1, label: "accuracy (thin: training images)", format: (each) => percent(each) });
    for (const [key, run] of runs) {
      const part = key === "baseB" ? "base" : "mine", each = look[part === "base" ? "base" : state.condition];
      line(learned, `${part} train`, run.epoch.map((epoch, i) => [epoch, run.train[i]]),
        { stroke: each.colour, "stroke-width": 1, opacity: 0.7 });
      line(learned, `${part} test`, run.test, { stroke: each.colour });
      for (const [epoch, right] of run.test) {
        marker(learned, `${part} ${epoch}`, each.marker, epoch, right, { fill: each.colour }, 0.7);
        points.push({ key: `${part} ${epoch}`, series: part, n: epoch, x: learned.across(epoch), y: learned.up(right),
          words: `${key} after epoch ${epoch}: ${percent(right, 1)} of the held-out images right.` });
      }
      const [epoch, right] = run.test.at(-1);
      learned.put(`${part} name`, "text", { x: learned.across(epoch) - 4, y: learned.up(right) + (part === "base" ? -8 : 18),
        "text-anchor": "end", "font-size": 12, fill: each.ink }, key);
    }
    learnedAt(points, points.at(-1).key);
    learned.show(`How ${name()} learned: ${percent(mine.test.at(-1)[1], 1)} of the held-out images after epoch ${last}.`);
  }

  // All sentences that there are for this split and these networks lie unseen behind the one that is shown.
  let reserved = "";
  function reserve() {
    if (reserved === (reserved = `${state.split} ${state.source}`)) return;
    say.querySelectorAll(".tl-room").forEach((each) => each.remove());
    const all = data.conditions.flatMap((each) => [0, 1, 2, 3, 4, 5, 6, 7].map((n) => words({ ...state, condition: each.name, n })));
    for (const each of new Set(all)) add(say, "p", { class: "tl-room", "aria-hidden": "true" }, each);
  }

  function render() {
    if (state.condition !== "base") before = state.condition;
    for (const { input, key, value } of inputs) input.checked = state[key] === value;
    shown.textContent = `n = ${state.n}`;
    slider.value = state.n;
    slider.setAttribute("aria-label", "n, the number of layers copied");
    slider.setAttribute("aria-valuetext", `n = ${state.n}: ${name()}`);
    reserve();
    sentence.textContent = words();
    host.dataset.network = name();
    drawLayers();
    drawPlace();
    drawLearning();
  }
  const linked = read();
  render();
  if (linked && entries()[0].startsWith(`${entry}=`))
    addEventListener("load", () => host.scrollIntoView({ block: "start", behavior: "instant" }), { once: true });
  addEventListener("hashchange", () => { if (read()) render(); });
}
