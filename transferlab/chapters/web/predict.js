// Predict, then reveal: the reader sets the curve that they expect, and sees how far off it was.

function predict(host, data) {
  host.replaceChildren();  // what stands there for pages without scripts
  const guesses = data.depths.map(() => 0), digits = data.step < 1 ? 1 : 0;
  const said = (value) => value ? signed(value, digits) : "0";
  let revealed = false, guessed = false;
  add(host, "p", { class: "tl-question" }, data.question);
  const chart = add(host, "div", { class: "tl-charts" });
  const plot = drawing(add(chart, "div"), 0, 420, 300), form = add(chart, "form", { class: "tl-guesses" });
  form.addEventListener("submit", (event) => { event.preventDefault(); reveal(); });
  const sliders = data.depths.map((n, index) => {
    const label = add(form, "label");
    add(label, "span", {}, `n = ${n}`);
    const slider = add(label, "input", { type: "range", min: data.low, max: data.high, step: data.step, value: 0, ...KEYS,
      "aria-label": `your guess for n = ${n}, in points against the base` });
    slider.addEventListener("input", () => guess(index, Number(slider.value)));
    return { slider, output: add(label, "output") };
  });
  const why = add(form, "label", { class: "tl-why" }, "Why do you expect that?");
  const reason = add(why, "textarea", { rows: 2, ...KEYS });
  const buttons = add(form, "div");
  add(buttons, "button", { type: "submit", ...KEYS }, "Reveal");
  const again = add(buttons, "button", { type: "button", ...KEYS }, "Start again");
  again.addEventListener("click", () => { guesses.fill(0); revealed = guessed = false; render(); });
  const beside = add(host, "div", { class: "tl-beside" }), wrote = add(beside, "p", { class: "tl-wrote" });
  const verdict = add(beside, "p", { class: "tl-sentence", "aria-live": "polite" });

  function guess(index, value) {
    const steps = Math.round(Math.min(data.high, Math.max(data.low, value)) / data.step);
    guesses[index] = Number((steps * data.step).toFixed(2));
    guessed = true;
    render();
  }

  function reveal() {
    revealed = revealed || guessed;
    render();
    if (!revealed) verdict.textContent = "Set your guess first: drag a point of the curve, or move one of the sliders.";
  }

  function score() {
    const off = data.ours.map((row) => {
      const value = guesses[data.depths.indexOf(row.n)];
      return { n: row.n, by: Math.abs(value - row.mean), inside: row.low !== null && value >= row.low && value <= row.high };
    });
    const mean = off.reduce((sum, each) => sum + each.by, 0) / off.length;
    const worst = off.reduce((one, other) => (other.by > one.by ? other : one));
    const inside = off.filter((each) => each.inside).length;
    const values = data.ours.map((row) => `${signed(row.mean)} at n = ${row.n}`).join(", ");
    return `You were ${mean.toFixed(1)} points off on average, furthest at n = ${worst.n} (${worst.by.toFixed(1)}). ` +
      `The 95 % intervals contain ${inside} of your ${off.length} guesses. Ours: ${values}.`;
  }

  function render() {
    const rows = data.depths.map((n, index) => ({ n, mean: guesses[index], low: null, high: null }));
    plot.quick = !revealed;  // what follows the pointer does not lag behind it
    axes(plot, { low: 0.5, high: 7.5, label: "n, the layers copied", ticks: data.depths, format: String },
      { low: data.low, high: data.high, label: "points against the base",
        format: (value) => Number.isInteger(value) ? whole(value) : signed(value) });
    line(plot, "base", [[0.5, 0], [7.5, 0]], { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "5 4" });
    curve(plot, "guess", rows, { colour: "#555555", marker: "o" }, { faint: revealed });
    if (revealed) {
      curve(plot, "ours", data.ours, data.look);
      if (data.theirs.length) curve(plot, "2014", data.theirs, data.look, { hollow: true });
    } else {
      for (const { n, mean } of rows)
        plot.put(`grip ${n}`, "circle", { cx: plot.across(n).toFixed(1), cy: plot.up(mean).toFixed(1), r: 24, class: "tl-grip" });
    }
    plot.show(revealed ? score() : `Your guess: ${rows.map((row) => `${said(row.mean)} at n = ${row.n}`).join(", ")}.`);
    sliders.forEach(({ slider, output }, index) => {
      slider.value = guesses[index];
      slider.disabled = revealed;
      output.textContent = said(guesses[index]);
    });
    verdict.textContent = revealed ? score() + data.legend : "";
    why.hidden = revealed;
    wrote.textContent = revealed ? `You wrote: ${reason.value.trim() || "nothing."}` : "";
  }

  draggable(plot, (x, y) => {
    const index = Math.min(data.depths.length - 1, Math.max(0, Math.round(
      (x - plot.across(data.depths[0])) / (plot.across(data.depths[1]) - plot.across(data.depths[0])))));
    const follow = (_, height) => {
      if (!revealed) guess(index, data.low + (data.high - data.low) * (plot.bottom - height) / (plot.bottom - plot.top));
    };
    follow(x, y);
    return follow;
  });
  render();
}
