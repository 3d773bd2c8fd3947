// The page: reads what it needs, keeps its state in the address, and says what is wrong.

const STATE = { left: "baseB", right: "A", n: 5, image: 100, blank: 0, ...STILL, paint: "", layer: 1, unit: 0, cut: 7, repeats: 1, seed: 0 };

// A script that defines data: unlike other files, a page that was opened from a disk may load it.
function script(address) {
  return new Promise((resolve, reject) => {
    const element = add(document.head, "script", { src: address });
    element.onload = resolve;
    element.onerror = () => reject(new Error(`The file ${address.split("/").at(-1)} cannot be read: it belongs beside this page, in _static/living.`));
  });
}

async function read(where, name) {
  await script(`${where}/${name}.js`);
  try {
    return await unpack(self.livingData[name]);
  } catch {
    throw new Error(`The file ${name}.js is damaged: its checksum is wrong. Nothing is computed from it; copy the book again, or build it again.`);
  }
}

function addressed() {
  const state = { ...STATE };
  for (const [key, value] of new URLSearchParams(location.hash.slice(1)))
    if (key in STATE) state[key] = typeof STATE[key] === "number" ? Math.round(Number(value)) || 0 : value;
  return state;
}

// Values that an address may have, whatever it says.
function sane(state, study) {
  const depths = Object.values(study.networks).map(({ n }) => n).filter(Boolean);
  const within = (low, key, high) => { state[key] = Math.min(high, Math.max(low, state[key])); };
  state.n = nearest(depths, state.n);
  for (const which of ["left", "right"]) if (!["baseA", "baseB", "A", "B", "R"].includes(state[which])) state[which] = STATE[which];
  within(0, "image", study.pictures.length - 1);
  within(-180, "turn", 180), within(-180, "hue", 180), within(-16, "across", 16), within(-16, "down", 16), within(0, "seed", 999);
  if (state.cut !== 6) state.cut = 7;
  if (state.repeats !== 3) state.repeats = 1;
  return state;
}

async function livingPage(host, where) {
  const said = host.querySelector(".tl-said"), missing = [["typed arrays", "Float32Array"], ["canvas", "CanvasRenderingContext2D"],
    ["workers", "Worker"], ["gunzip", "DecompressionStream"]].filter(([, name]) => !(name in self)).map(([name]) => name);
  const wrong = (words) => { said.textContent = `${words} The figure below shows what you would see.`; };
  if (missing.length) return wrong(`This browser lacks what the networks need (${missing.join(", ")}).`);
  said.textContent = "Reading the networks ...";
  let study;
  try { study = openStudy(await read(where, "weights")); } catch (error) { return wrong(error.message); }

  const state = sane(addressed(), study);
  let written = location.hash, timer = 0;
  function keep() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      const words = new URLSearchParams(Object.entries(state).filter(([key, value]) => value !== STATE[key]));
      written = words.size ? `#${words}` : "";
      if (written !== location.hash) history.replaceState(null, "", written || location.pathname.split("/").at(-1) + location.search);
    }, 200);
  }
  host.replaceChildren();
  const first = add(host, "section", { "aria-label": "See" }), second = add(host, "section", { "aria-label": "Learn" });
  add(first, "h2", { class: "tl-head" }, "See");
  const seen = see(add(first, "div"), study, state, keep);
  add(second, "h2", { class: "tl-head" }, "Learn");
  let file = null;  // read when it is needed, and once
  const features = () => (file ??= read(where, "features").catch((error) => { file = null; throw error; }));
  const learned = learn(add(second, "div"), study, features, state, keep);
  self.addEventListener("hashchange", () => {
    if (location.hash === written || !/^#\w+=/.test(location.hash)) return;
    Object.assign(state, sane(addressed(), study));
    seen(state.paint);
    learned();
  });
  host.dataset.ready = "yes";
  // for the browser's console, and for the tests
  host.living = { study, run: (name, pixels) => runNetwork(study.networks[name].layers, pixels, study.side).at(-1).maps,
    features: async (source, cut) => featuresOf(await features(), study, source, cut) };
}
