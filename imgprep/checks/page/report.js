// Filter, sort and enlarge. The page says everything without this script.
"use strict";
(() => {
  const make = (tag, properties = {}, ...children) => {
    const element = Object.assign(document.createElement(tag), properties);
    element.append(...children);
    return element;
  };

  // Filter: hides the figures, cards and rows that do not have the words.
  const box = make("input", { type: "search", placeholder: "Filter by class, file or rule", id: "filter" });
  box.setAttribute("aria-label", "Filter by class, file or rule");
  const count = make("output");
  document.querySelector("nav").before(make("p", { className: "filter" }, box, count));
  const within = (element, words) => words.every((word) => element.textContent.toLowerCase().includes(word));
  box.addEventListener("input", () => {
    const words = box.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const card of document.querySelectorAll("main article, main details")) {
      const heading = card.querySelector("h3, summary");
      const section = card.closest("section").querySelector("h2");
      const whole = [heading, section].some((element) => element && within(element, words));
      let inside = 0;
      for (const part of card.querySelectorAll("figure, tbody tr")) {
        part.hidden = !(whole || within(part, words));
        inside += !part.hidden;
      }
      card.hidden = !(whole || inside || within(card, words));
      shown += !card.hidden;
    }
    for (const row of document.querySelectorAll("#overview tbody tr")) row.hidden = !within(row, words);
    for (const cards of document.querySelectorAll(".clusters, .galleries")) {
      cards.closest("section").hidden = !cards.querySelector("article:not([hidden])");
    }
    count.textContent = words.length ? ` ${shown} shown` : "";
  });

  // Sort: a button in each heading of the table of rules.
  for (const table of document.querySelectorAll("table[data-sortable]")) {
    [...table.tHead.rows[0].cells].forEach((cell, column) => {
      const button = make("button", { type: "button", textContent: cell.textContent });
      cell.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = cell.getAttribute("aria-sort") === "ascending";
        for (const other of table.tHead.rows[0].cells) other.removeAttribute("aria-sort");
        cell.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
        const rows = [...table.tBodies[0].rows];
        rows.sort((a, b) => value(a).localeCompare(value(b), "en", { numeric: true }) * (down ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    });
  }

  // Enlarge: a dialog with the image, its name and the link to its file.
  const dialog = make("dialog");
  dialog.addEventListener("click", (event) => event.target.closest("a") || dialog.close());
  document.body.append(dialog);
  const enlarge = (figure) => {
    const image = figure.querySelector("img");
    const caption = figure.querySelector("figcaption").cloneNode(true);
    const close = make("button", { type: "button", textContent: "Close" });
    dialog.replaceChildren(make("img", { src: image.src, alt: image.alt }), make("p", {}, ...caption.childNodes), close);
    dialog.showModal();
  };
  for (const image of document.querySelectorAll("figure img")) {
    image.tabIndex = 0;
    image.setAttribute("role", "button");
    image.addEventListener("click", () => enlarge(image.closest("figure")));
    image.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") {
        event.preventDefault();
        enlarge(image.closest("figure"));
      }
    });
  }

  // What is folded is printed too.
  addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => (one.open = true)));
})();
