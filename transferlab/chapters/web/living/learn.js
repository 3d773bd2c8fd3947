// Learn: the experiment of chapter 3 in the page. The layers above the cut are trained afresh, on task B, above frozen
// layers from base A, from base B, and above random ones.

const SOURCES = { A: { name: "from base A", colour: "#d55e00" }, B: { name: "from base B", colour: "#0072b2" },
  R: { name: "random", colour: "#9a5b83" } };

// What the layers below the cut say of each image, image by image: the training images, then the held-out ones.
function featuresOf({ sources, units }, study, source, cut) {
  const { step, values } = sources[source], count = values.length / units, out = new Float32Array(values.length);
  for (let unit = 0; unit < units; unit++)
    for (let image = 0; image < count; image++) out[image * units + unit] = values[unit * count + image] * step[unit];
  if (cut === 6) return out;
  const seventh = study.networks[`${source}7B`].layers[6], next = new Float32Array(count * seventh.outputs);
  for (let image = 0; image < count; image++)
    next.set(applyLayer(seventh, out.subarray(image * units, (image + 1) * units), 1).maps, image * seventh.outputs);
  return next;
}

// `open` gives the networks, and what chapters/living.py packed as features; `changed` keeps the state in the address. A
// `small` one has no choices: the reader predicts and trains.
function learn(host, open, state, changed, small = false) {
  const form = add(host, "form", { class: "tl-controls" }), choices = add(form, "div", { class: "tl-row tl-choices" });
  const setCut = radios(choices, "cut after layer", [[6, "n = 6: train two layers"], [7, "n = 7: train one"]], (value) => { state.cut = value; forget(); changed(); });
  const setRepeats = radios(choices, "repetitions", [[1, "one"], [3, "three"]], (value) => { state.repeats = value; changed(); });
  const seedLabel = add(choices, "label", { class: "tl-select" });
  add(seedLabel, "span", {}, "first seed");
  const seedInput = add(seedLabel, "input", { type: "number", min: 0, max: 999, value: state.seed });
  seedInput.addEventListener("input", () => { state.seed = Math.min(999, Math.max(0, Math.floor(Number(seedInput.value)) || 0)); changed(); });
  choices.hidden = small;
  const guessing = add(form, "fieldset", { class: "tl-guessing" });
  add(guessing, "legend", {}, "How many held-out images will each get right?");
  const sliders = {};
  let guesses = {};
  for (const [source, { name }] of Object.entries(SOURCES)) {
    const slider = sliders[source] = range(guessing, name, { min: 0, max: 100, value: 0, words: (value) => `${value} %` }, (value) => {
      guesses[source] = value / 100;
      ready();
    });
    slider.input.closest("label").style.setProperty("--tl-colour", themed(SOURCES[source].colour));
  }
  const row = add(form, "div", { class: "tl-row" });
  const start = add(row, "button", { type: "submit", class: "tl-main" }, "Train");
  const stop = button(row, "Stop", () => end("Stopped."));
  const said = add(host, "p", { class: "tl-sentence", role: "status", "aria-live": "polite" });
  const progress = add(host, "p", { class: "tl-hint" });  // changes too often to be read aloud
  const charts = add(host, "div", { class: "tl-pair tl-curves" }), left = add(charts, "div"), right = add(charts, "div");
  const outcome = add(host, "div", { class: "tl-outcome" });

  let session = null, inSight = false, features = null;
  form.addEventListener("submit", (event) => { event.preventDefault(); begin(); });

  // Another cut is another question: the sliders wait for a guess again.
  function forget() {
    guesses = {};
    for (const [source, { input, set }] of Object.entries(sliders)) {
      set(0, "?", "no guess yet");
      input.previousSibling.textContent = `${source}${state.cut}B ${SOURCES[source].name}`;
    }
    ready();
  }

  function ready() {
    const missing = Object.keys(SOURCES).filter((source) => guesses[source] === undefined);
    start.disabled = Boolean(session) || missing.length > 0;
    stop.disabled = !session;
    for (const input of form.querySelectorAll("input")) input.disabled = Boolean(session);
    if (!session && missing.length) said.textContent = "Set the three sliders to what you expect, then train.";
    else if (!session && !outcome.childElementCount) said.textContent = "Your prediction is made: train the three networks.";
  }

  async function begin() {
    session = { cut: Number(state.cut), first: state.seed, repeats: Number(state.repeats), workers: [], curves: [], started: performance.now() };
    const mine = session;
    outcome.replaceChildren();
    ready();
    said.textContent = "Reading what the frozen layers say of the images ...";
    let study;
    try { [features, study] = await Promise.all([open.features(), open.study()]); }
    catch (error) { return mine === session ? end(error.message) : undefined; }
    if (mine !== session) return;
    for (const source of Object.keys(SOURCES)) {
      const inputs = featuresOf(features, study, source, session.cut), { classes, recipe } = features, count = features.train.length;
      const wide = inputs.length / (count + features.held.length);
      const job = {
        train: { features: inputs.subarray(0, count * wide), labels: features.train },
        held: { features: inputs.subarray(count * wide), labels: features.held },
        sizes: session.cut === 6 ? [wide, study.networks.baseB.layers[6].outputs, classes] : [wide, classes],
        recipe,
      };
      const worker = new Worker(URL.createObjectURL(new Blob([`${document.getElementById("tl-top").textContent}\nwork();`], { type: "text/javascript" })));
      const each = { source, worker, job, waiting: false, seed: session.first, rows: [] };
      worker.onmessage = ({ data }) => heard(mine, each, data);
      worker.onerror = (event) => { event.preventDefault(); if (mine === session) end(`The training failed: ${event.message}.`); };
      session.workers.push(each);
      again(mine, each);
    }
  }

  function again(mine, each) {
    each.rows = [];
    mine.curves.push(each.rows);
    each.rows.source = each.source;
    each.rows.seed = each.seed;
    each.worker.postMessage({ ...each.job, seed: each.seed });
  }

  function heard(mine, each, row) {
    if (mine !== session) return;
    each.rows.push(row);
    if (row.epoch < features.recipe.epochs) go(each);
    else if (++each.seed < mine.first + mine.repeats) again(mine, each);
    else { each.finished = true; each.worker.terminate(); }
    if (mine.workers.every(({ finished }) => finished)) return finish();
    draw();
    tell();
  }

  // A worker trains an epoch when it is asked for one, and is not asked while nobody looks.
  function go(each) {
    each.waiting = !inSight;
    if (inSight) each.worker.postMessage({});
  }

  const named = (source) => `${source}${session.cut}B`;

  function tell() {
    const epochs = features.recipe.epochs, words = inSight ? "Training ..." : "Paused while out of sight.";
    if (said.textContent !== words) said.textContent = words;
    progress.textContent = session.workers.map(({ source, rows, seed }) => {
      const row = rows.at(-1), score = rows.findLast(({ accuracy }) => accuracy !== null);
      return `${named(source)}: epoch ${row ? row.epoch : 0} of ${epochs}${session.repeats > 1 ? `, seed ${seed}` : ""}` +
        (score ? `, ${percent(score.accuracy)}` : "");
    }).join("; ");
  }

  const finals = (source) => session.curves.filter((rows) => rows.source === source && rows.length === features.recipe.epochs).map((rows) => rows.at(-1).accuracy);
  const mean = (values) => values.reduce((sum, value) => sum + value, 0) / values.length;

  function finish() {
    const seconds = (performance.now() - session.started) / 1000, held = features.held.length;
    draw();
    const table = add(outcome, "table", { class: "tl-scores" }), head = add(add(table, "thead"), "tr"), body = add(table, "tbody");
    for (const name of ["network", "you said", "trained here", "the package's"]) add(head, "th", { scope: "col" }, name);
    for (const source of Object.keys(SOURCES)) {
      const values = finals(source), line = add(body, "tr"), low = Math.min(...values), high = Math.max(...values);
      add(line, "th", { scope: "row" }, named(source)).style.setProperty("--tl-colour", themed(SOURCES[source].colour));
      add(line, "td", {}, percent(guesses[source]));
      add(line, "td", {}, percent(mean(values), 1) + (values.length > 1 ? ` (${percent(low, 1)} to ${percent(high, 1)})` : ""));
      add(line, "td", {}, percent(features.package[named(source)], 1));
    }
    add(outcome, "p", { class: "tl-hint" }, `The share of ${held} held-out images of task B that is right${session.repeats > 1 ? ", with the range of the repetitions" : ""}. ` +
      `The package's networks are those of the book.`);
    const off = Object.keys(SOURCES).map((source) => 100 * Math.abs(mean(finals(source)) - guesses[source]));
    const order = (value) => Object.keys(SOURCES).sort((one, other) => value(other) - value(one)).join();
    const tied = new Set(Object.values(guesses)).size < Object.keys(SOURCES).length;
    const right = order((source) => guesses[source]) === order((source) => mean(finals(source)));
    const ordered = tied ? "" : right ? ", and you had the order right" : ", and you expected another order";
    host.dataset.result = JSON.stringify(Object.fromEntries(Object.keys(SOURCES).map((source) => [named(source), finals(source)])));
    host.dataset.seconds = seconds.toFixed(1);
    const words = Object.keys(SOURCES).map((source) => `${named(source)} gets ${percent(mean(finals(source)), 1)}`).join(", ");
    end(`Trained in ${seconds.toFixed(0)} seconds: ${words} of ${held} held-out images right. ` +
      `You were ${mean(off).toFixed(0)} points off on average${ordered}.`);
  }

  function end(words) {
    for (const { worker } of session.workers) worker.terminate();
    session = null;
    progress.textContent = "";
    ready();
    said.textContent = words;
  }

  // --- curves ------------------------------------------------------------------------------------------
  function draw() {
    const classes = Math.log(features.classes), { epochs } = features.recipe;
    const top = Math.max(classes, ...session.curves.flatMap((rows) => rows.map(({ loss }) => loss)));
    drawCurves(left, session.curves, { key: "loss", top: Math.ceil(top), epochs, words: String, title: "training loss (nats)" });
    drawCurves(right, session.curves, { key: "accuracy", top: 1, epochs, words: (value) => percent(value), title: "held-out images right", marks: guesses });
  }

  function drawCurves(place, curves, { key, top, epochs, words, title, marks = {} }) {
    place.replaceChildren();
    const latest = curves.map((rows) => [rows.source, rows.findLast((row) => row[key] !== null)]).filter(([, row]) => row);
    const label = `${title}: ${latest.map(([source, row]) => `${named(source)} ${key === "loss" ? row[key].toFixed(2) : percent(row[key])}`).join(", ")}`;
    const root = add(place, "svg", { viewBox: "0 0 420 260", role: "img", "aria-label": label });
    const x = (epoch) => 50 + 310 * epoch / epochs, y = (value) => 220 - 195 * Math.min(value, top) / top;
    const text = { fill: "currentColor", "font-size": 13 };
    add(root, "text", { ...text, x: 50, y: 14 }, title);
    for (let i = 0; i <= 4; i++) {
      add(root, "line", { x1: 50, x2: 360, y1: y(top * i / 4), y2: y(top * i / 4), stroke: "currentColor", opacity: i ? 0.13 : 1 });
      add(root, "text", { ...text, x: 44, y: y(top * i / 4) + 4, "text-anchor": "end" }, words(top * i / 4));
    }
    for (const epoch of [0, epochs / 2, epochs]) add(root, "text", { ...text, x: x(epoch), y: 238, "text-anchor": "middle" }, epoch);
    add(root, "text", { ...text, x: 205, y: 255, "text-anchor": "middle" }, "epoch");
    for (const [source, value] of Object.entries(marks))
      add(root, "line", { x1: 50, x2: 360, y1: y(value), y2: y(value), stroke: SOURCES[source].colour, "stroke-dasharray": "2 4", "stroke-width": 1.5 });
    const ends = new Map();
    for (const rows of curves) {
      const points = rows.filter((row) => row[key] !== null).map((row) => [x(row.epoch), y(row[key])]);
      if (!points.length) continue;
      const d = points.map(([across, up], i) => `${i ? "L" : "M"}${across.toFixed(1)} ${up.toFixed(1)}`).join("");
      add(root, "path", { d, fill: "none", stroke: SOURCES[rows.source].colour, "stroke-width": 1.8 });
      ends.set(rows.source, points.at(-1));
    }
    let last = -Infinity;
    for (const [source, [across, up]] of [...ends].sort((one, other) => one[1][1] - other[1][1])) {
      last = Math.max(up, last + 14);
      add(root, "text", { x: across + 5, y: last + 4, "font-size": 13, fill: SOURCES[source].colour }, named(source));
    }
  }

  watchSight(host, (now) => {
    inSight = now;
    if (!session) return;
    for (const each of session.workers) if (now && each.waiting) go(each);
    if (features && session.workers.length) tell();
  });
  function show() {
    if (session) return;
    setCut(state.cut);
    setRepeats(state.repeats);
    seedInput.value = state.seed;
    forget();
  }
  show();
  return show;
}
