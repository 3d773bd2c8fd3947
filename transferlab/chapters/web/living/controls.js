// Sliders, choices and buttons: plain elements, which a keyboard and a screen reader know.

function button(parent, name, press, attributes = {}) {
  const made = add(parent, "button", { type: "button", ...attributes }, name);
  made.addEventListener("click", press);
  return made;
}

// A slider that says its value. `words` are those of a value; `change` gets it. `set` may be given words to show, and aloud.
function range(parent, name, { min, max, step = 1, value, words = String }, change) {
  const label = add(parent, "label", { class: "tl-range" });
  add(label, "span", {}, name);
  const input = add(label, "input", { type: "range", min, max, step, value }), said = add(label, "b", { class: "tl-now" });
  function set(now, shown = words(Number(now)), aloud = shown) {
    input.value = now;
    said.textContent = shown;
    input.setAttribute("aria-valuetext", aloud);
  }
  input.addEventListener("input", () => { set(input.value); change(Number(input.value)); });
  set(value);
  return { input, set };
}

// A choice of one from [value, name] pairs.
function select(parent, name, options, change) {
  const label = add(parent, "label", { class: "tl-select" });
  add(label, "span", {}, name);
  const input = add(label, "select");
  for (const [value, text] of options) add(input, "option", { value }, text);
  input.addEventListener("change", () => change(input.value));
  return input;
}

// One of a few, as radio buttons. Gives a function that sets it.
function radios(parent, title, options, change) {
  const group = add(parent, "fieldset"), name = `tl-living-${title.replaceAll(" ", "-")}`;
  add(group, "legend", {}, title);
  const inputs = options.map(([value, text]) => {
    const label = add(group, "label"), input = add(label, "input", { type: "radio", name, value });
    add(label, "span", {}, text);
    input.addEventListener("change", () => change(value));
    return input;
  });
  return (value) => { for (const input of inputs) input.checked = input.value === String(value); };
}

// Whether an element can be seen: nothing is computed for one that cannot. `change` is called when that changes.
function watchSight(element, change) {
  let near = true, shown = null;
  function tell() {
    const now = near && !document.hidden;
    if (now !== shown) change(shown = now);
  }
  new IntersectionObserver((entries) => { near = entries.at(-1).isIntersecting; tell(); }, { rootMargin: "200px" }).observe(element);
  document.addEventListener("visibilitychange", tell);
  tell();
}
