// The parts of the living network on a page: reads what they need, keeps the state in the address, says what is wrong.

const STATE = { left: "baseB", right: "A", n: 5, image: 100, blank: 0, ...STILL, paint: "", layer: 0, unit: -1, cut: 7, repeats: 1, seed: 0 };
const NEEDED = [["typed arrays", "Float32Array"], ["canvas", "CanvasRenderingContext2D"], ["workers", "Worker"],
  ["gunzip", "DecompressionStream"]];

// A script that defines data: unlike other files, a page that was opened from a disk may load it.
function script(address) {
  return new Promise((resolve, reject) => {
    const element = add(document.head, "script", { src: address });
    element.onload = resolve;
    element.onerror = () => reject(new Error(`The file ${address.split("/").at(-1)} cannot be read: it belongs into the folder _static/living of the book.`));
  });
}

async function read(where, name) {
  await script(`${where}/${name}.js`);
  try {
    return await unpack(self.livingData[name]);
  } catch {
    throw new Error(`The file ${name}.js is damaged: its checksum is wrong. Nothing is computed from it. Copy the book again, or build it again.`);
  }
}

// Does a thing when it is first wanted, and once, unless it fails.
function once(make) {
  let made = null;
  return () => (made ??= make().catch((error) => { made = null; throw error; }));
}

// What the address says, as far as it makes sense without the networks; `fitted` sees to the rest.
function addressed() {
  const state = { ...STATE };
  for (const [key, value] of new URLSearchParams(location.hash.slice(1)))
    if (key in STATE) state[key] = typeof STATE[key] === "number" ? Math.round(Number(value)) || 0 : value;
  const within = (low, key, high) => { state[key] = Math.min(high, Math.max(low, state[key])); };
  within(-180, "turn", 180), within(-180, "hue", 180), within(-16, "across", 16), within(-16, "down", 16), within(0, "seed", 999);
  if (state.cut !== 6) state.cut = 7;
  if (state.repeats !== 3) state.repeats = 1;
  return state;
}

function fitted(state, study) {
  const depths = Object.values(study.networks).map(({ n }) => n).filter(Boolean);
  if (!depths.includes(state.n)) state.n = depths.at(-1);
  for (const which of ["left", "right"]) if (!["baseA", "baseB", "A", "B", "R"].includes(state[which])) state[which] = STATE[which];
  state.image = Math.min(study.pictures.length - 1, Math.max(0, state.image));
  state.layer = Math.min(7, Math.max(0, state.layer));
  return state;
}

// Writes what differs from the first state into the address, a moment after the last change.
function keeper(state) {
  let written = location.hash, timer = 0;
  return {
    mine: () => location.hash === written,
    keep() {
      clearTimeout(timer);
      timer = setTimeout(() => {
        const words = new URLSearchParams(Object.entries(state).filter(([key, value]) => value !== STATE[key]));
        written = words.size ? `#${words}` : "";
        if (written !== location.hash) history.replaceState(null, "", written || location.pathname.split("/").at(-1) + location.search);
      }, 200);
    },
  };
}

// What stands in a host without scripts makes room for the part; `words` says how it goes until then.
const PARTS = {
  async see(host, open, state, keep) {
    const said = host.querySelector(".tl-said");
    said.textContent = "Reading the networks ...";
    const study = await open.study();
    fitted(state, study);
    said.remove();
    const shown = see(host, study, state, keep);
    host.dataset.ready = "yes";
    host.living = { study, run: (name, pixels) => runNetwork(study.networks[name].layers, pixels, study.side).at(-1).maps,
      features: async (source, cut) => featuresOf(await open.features(), study, source, cut) };  // for the console, and for tests
    return () => shown(fitted(state, study).paint);
  },
  async learn(host, open, state, keep) { host.querySelector(".tl-said").remove(); return learn(host, open, state, keep); },
  async race(host, open) { host.querySelector(".tl-said").remove(); return learn(host, open, { ...STATE }, () => {}, true); },
  async ask(host, open) { return ask(host, open); },
};

function living(where) {
  const missing = NEEDED.filter(([, name]) => !(name in self)).map(([name]) => name);
  const open = { study: once(async () => openStudy(await read(where, "weights"))), features: once(() => read(where, "features")) };
  const state = addressed(), { keep, mine } = keeper(state), renewed = [];
  self.addEventListener("hashchange", () => {
    if (mine() || !/^#\w+=/.test(location.hash)) return;
    Object.assign(state, addressed());
    for (const renew of renewed) if (renew) renew();
  });
  for (const host of document.querySelectorAll(".tl-living")) {
    const said = host.querySelector(".tl-said"), figure = host.querySelector(".tl-still") ? " The figure below shows what you would see." : "";
    if (missing.length) said.textContent = `This browser lacks what the networks need (${missing.join(", ")}).${figure}`;
    else PARTS[host.dataset.part](host, open, state, keep).then((renew) => renewed.push(renew), (error) => { said.textContent = error.message + figure; });
  }
}
