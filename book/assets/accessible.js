// What the theme and docutils say wrongly to those who hear the page: names of buttons that leave out what is written on
// them, and a list whose entries are no list items.
document.addEventListener("DOMContentLoaded", () => {
  for (const button of document.querySelectorAll(".search-button-field, .theme-switch-button")) {
    button.removeAttribute("aria-label");
  }
  for (const list of document.querySelectorAll(".citation-list[role=list]")) {
    list.removeAttribute("role");
  }
});
