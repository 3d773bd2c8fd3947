// A riddle: choose an answer, press Check, and read what is said to it. Without scripts it still reads as text.

// FNV-1a, as in exercises.py. It only keeps the answer from being read by accident.
function fnv1a(text) {
  let number = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) number = Math.imul(number ^ byte, 0x01000193) >>> 0;
  return number.toString(16).padStart(8, "0");
}

function riddle(form, data) {
  const said = form.querySelector(".tl-reply"), button = document.createElement("button");
  button.type = "submit";
  button.textContent = "Check";
  said.before(button);

  function say(state, text) {
    form.dataset.state = state;
    said.textContent = text;
  }

  form.addEventListener("change", () => say("open", ""));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = form.querySelector("input:checked");
    if (!chosen) return say("open", "Choose one of the answers first.");
    const right = fnv1a(`${data.name}:${chosen.value}`) === data.right;
    say(right ? "right" : "wrong", `${right ? "Right" : "Not yet"}: ${data.replies[chosen.value]}`);
  });
}
