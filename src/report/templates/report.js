"use strict";
(() => {
  const gallery = document.getElementById("gallery");
  if (!gallery) return;
  const form = document.getElementById("controls");
  const field = form.elements;
  const cards = Array.from(gallery.children, (card, place) => ({
    card,
    place,
    tags: card.dataset.tags.split(","),
    kind: card.dataset.kind ?? "",
    score: "score" in card.dataset ? Number(card.dataset.score) : -Infinity,
    name: card.querySelector("h3").title,
    folded: card.querySelector("h3").title.toLowerCase(),
  }));
  const orders = {
    "": (a, b) => a.place - b.place,
    down: (a, b) => b.score - a.score || a.place - b.place,
    up: (a, b) => a.score - b.score || a.place - b.place,
    name: (a, b) => a.name.localeCompare(b.name, undefined, { numeric: true }),
  };
  let order = "";

  const show = () => {
    const tag = field.tag.value;
    const kind = field.kind ? field.kind.value : "";
    const text = field.name.value.trim().toLowerCase();
    let left = 0;
    for (const each of cards) {
      const fits = (!tag || each.tags.includes(tag)) && (!kind || each.kind === kind) && each.folded.includes(text);
      each.card.hidden = !fits;
      left += fits;
    }
    if (field.order.value !== order) {
      order = field.order.value;
      gallery.append(...[...cards].sort(orders[order]).map((each) => each.card));
    }
    gallery.dataset.size = field.size.value;
    gallery.classList.toggle("all-heat", field.heat.checked);
    gallery.classList.toggle("no-lines", !field.lines.checked);
    document.getElementById("count").value = left === cards.length ? `${left} pictures.` : `${left} of ${cards.length} pictures.`;
    document.getElementById("nothing").hidden = left > 0;
  };

  const choose = (button) => {
    form.reset();
    if (button.dataset.tag) field.tag.value = button.dataset.tag;
    if (button.dataset.kind && field.kind) field.kind.value = button.dataset.kind;
    show();
    document.getElementById("pictures").scrollIntoView();
  };

  for (const kind of ["input", "change"]) form.addEventListener(kind, show);
  form.addEventListener("submit", (event) => event.preventDefault());
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("view")) {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    } else if (button.id === "reset") {
      form.reset();
      show();
    } else if (button.dataset.tag || button.dataset.kind) {
      choose(button);
    }
  });
  show(); // a browser that goes back to the page keeps what was chosen
})();
