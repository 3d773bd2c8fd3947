// Predict, then reveal: the reader sets the curve that they expect, and sees how far off it was.

function predict(host, data) {
  const guesses = data.depths.map(() => 0);
  let revealed = false;
  add(host, "p", { class: "tl-question" }, data.question);
  const chart = add(host, "div", { class: "tl-charts" });
  const place = add(chart, "div"), form = add(chart, "form", { class: "tl-guesses" });
  form.addEventListener("submit", (event) => { event.preventDefault(); reveal(); });
  const sliders = data.depths.map((n, index) => {
    const label = add(form, "label"), name = add(label, "span", {}, `n = ${n}`);
    const slider = add(label, "input", { type: "range", min: data.low, max: data.high, step: 1, value: 0,
      "aria-label": `your guess for n = ${n}, in points against the base` });
    slider.addEventListener("input", () => { guesses[index] = Number(slider.value); render(); });
    return { slider, name, said: add(label, "output") };
  });
  const buttons = add(form, "div");
  const show = add(buttons, "button", { type: "submit" }, "Reveal");
  const again = add(buttons, "button", { type: "button" }, "Start again");
  again.addEventListener("click", () => { guesses.fill(0); revealed = false; render(); });
  const verdict = add(host, "p", { class: "tl-sentence", "aria-live": "polite" });

  function reveal() { revealed = true; render(); }

  function score() {
    const off = data.ours.map((row) => {
      const guess = guesses[data.depths.indexOf(row.n)];
      return { n: row.n, by: Math.abs(guess - row.mean), inside: row.low !== null && guess >= row.low && guess <= row.high };
    });
    const mean = off.reduce((sum, each) => sum + each.by, 0) / off.length;
    const worst = off.reduce((one, other) => (other.by > one.by ? other : one));
    const inside = off.filter((each) => each.inside).length;
    const curve = data.ours.map((row) => `${signed(row.mean)} at n = ${row.n}`).join(", ");
    return `You were ${mean.toFixed(1)} points off on average, furthest at n = ${worst.n} (${worst.by.toFixed(1)}); ` +
      `${inside} of your ${off.length} guesses lie inside the 95 % interval. Ours: ${curve}.`;
  }

  function render() {
    const rows = data.depths.map((n, index) => ({ n, mean: guesses[index], low: null, high: null }));
    const plot = axes(place, { low: 0.5, high: 7.5, label: "n, the layers copied", ticks: data.depths, format: String },
      { low: data.low, high: data.high, label: "points against the base", format: whole },
      revealed ? score() : `Your guess: ${rows.map((row) => `${row.mean} at n = ${row.n}`).join(", ")}.`);
    line(plot, [[0.5, 0], [7.5, 0]], { stroke: "currentColor", "stroke-width": 1, "stroke-dasharray": "5 4" });
    curve(plot, rows, { colour: "#555555", marker: "o" }, { faint: revealed });
    if (revealed) {
      curve(plot, data.ours, data.look);
      if (data.theirs.length) curve(plot, data.theirs, data.look, { hollow: true });
    }
    plot.root.addEventListener("pointerdown", (event) => { drag(event, plot); });
    plot.root.addEventListener("pointermove", (event) => { if (event.buttons) drag(event, plot); });
    sliders.forEach(({ slider, said }, index) => {
      slider.value = guesses[index];
      said.textContent = whole(guesses[index]);
    });
    verdict.textContent = revealed ? score() + data.legend : "";
    show.disabled = revealed;
  }

  function drag(event, plot) {
    if (revealed) return;
    const box = plot.root.getBoundingClientRect(), [, , width, height] = plot.root.getAttribute("viewBox").split(" ");
    const x = (event.clientX - box.left) * width / box.width, y = (event.clientY - box.top) * height / box.height;
    const nearest = data.depths.reduce((one, n) => Math.abs(plot.across(n) - x) < Math.abs(plot.across(one) - x) ? n : one);
    const value = data.low + (data.high - data.low) * (plot.bottom - y) / (plot.bottom - plot.top);
    guesses[data.depths.indexOf(nearest)] = Math.round(Math.min(data.high, Math.max(data.low, value)));
    event.preventDefault();
    render();
  }
  render();
}
