// Ask: one image, two networks, one question. The small See of the home page; it reads the networks when it is asked.

const PAIR = ["A5B", "baseB"];

function ask(host, open) {
  const said = host.querySelector(".tl-said"), place = host.querySelector(".tl-asked");
  const score = { asked: 0, foreseen: 0, right: [0, 0] };
  let image = Number(host.dataset.image);
  said.textContent = "";
  said.setAttribute("aria-live", "polite");
  const row = add(place, "div", { class: "tl-row" });
  const guesses = [["It will", true], ["It will not", false]].map(([words, guess]) => button(row, words, () => answer(guess)));
  const next = button(row, "Another picture", another);
  const pair = add(host, "div", { class: "tl-pair" });
  const lists = PAIR.map((name) => {
    const box = add(pair, "div", { class: "tl-answers" });
    add(box, "p", { class: "tl-whose" }, `${name} says`);
    return add(box, "ol");
  });
  host.append(said);
  wait();

  function wait() {
    pair.hidden = next.hidden = true;
    for (const each of guesses) each.hidden = each.disabled = false;
  }

  async function answer(guess) {
    for (const each of guesses) each.disabled = true;
    said.textContent = "Reading the networks ...";
    let study;
    try { study = await open.study(); } catch (error) { said.textContent = error.message; return wait(); }
    host.living = study;  // for the console, and for tests
    const picture = study.pictures[image], names = study.classes.B;
    const orders = PAIR.map((name) => ranked(runNetwork(study.networks[name].layers, picture.pixels, study.side).at(-1).maps, names));
    orders.forEach((order, which) => showAnswers(lists[which], order, picture.label));
    const right = orders.map(([{ label }]) => label === picture.label);
    score.asked += 1;
    score.foreseen += right[0] === guess;
    right.forEach((value, which) => { score.right[which] += value; });
    for (const each of guesses) each.hidden = true;
    pair.hidden = next.hidden = false;
    next.focus({ preventScroll: true });
    said.textContent = `It is ${picture.name}. ${PAIR[0]} ${right[0] ? "names it" : `takes it for ${orders[0][0].name}`}: ` +
      `you ${right[0] === guess ? "foresaw that" : "expected otherwise"}.` + (score.asked > 1
      ? ` Of ${score.asked} pictures, ${PAIR[0]} named ${score.right[0]} and ${PAIR[1]} ${score.right[1]}; you foresaw ${score.foreseen}.` : "");
  }

  async function another() {
    const { pictures, side } = await open.study(), those = pictures.map((_, index) => index).filter((index) => pictures[index].task === "B");
    image = those[(those.indexOf(image) + 7) % those.length];  // another class each time, and every image once
    const canvas = add(host, "canvas", { class: "tl-picture", role: "img", "aria-label": "The next picture: what is it?" });
    paintOn(canvas, pictures[image].pixels, side);
    host.querySelector(".tl-picture").replaceWith(canvas);
    said.textContent = "";
    wait();
    guesses[0].focus({ preventScroll: true });
  }
}
