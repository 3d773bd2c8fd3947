// What networks say of an image: the likeliest classes, each with its share.

// The classes of a network's task from the likeliest down, as {share, label, name}.
function ranked(logits, names) {
  return softmax(logits).map((share, label) => ({ share, label, name: names[label] })).sort((one, other) => other.share - one.share);
}

// The five likeliest; `right` is the label of the class that the image shows, if the network has it.
function showAnswers(list, order, right) {
  list.replaceChildren();
  for (const each of order.slice(0, 5)) {
    const item = add(list, "li"), bar = add(item, "span", { class: "tl-bar", "aria-hidden": "true" });
    bar.style.width = percent(each.share, 1).replace(" ", "");
    const name = add(item, "span", { class: "tl-class" }), [family, species] = each.name.split("/");
    name.append(family);
    if (species) name.append("/", document.createElement("wbr"), species);  // a phone breaks the line there
    if (each.label === right) name.append(" ✓");
    add(item, "span", { class: "tl-share" }, percent(each.share));
  }
}
