"use strict";
// Sorting and filtering. The page is complete without it.
for (const table of document.querySelectorAll("table.sort")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") !== "descending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const numbers = head.classList.contains("n");
      const key = (row) => {
        const cell = row.cells[at];
        const data = cell.querySelector("data");
        const text = data ? data.value : cell.textContent;
        return numbers ? Number(text.replaceAll(",", "")) : text;
      };
      const order = (one, other) =>
        numbers ? key(one) - key(other) : key(one).localeCompare(key(other));
      const body = table.tBodies[0];
      const rows = [...body.rows].sort(order);
      body.append(...(down ? rows.reverse() : rows));
    });
  });
}
for (const table of document.querySelectorAll("table.find")) {
  if (table.tBodies[0].rows.length < 8) continue;
  const box = document.createElement("input");
  box.type = "search";
  box.className = "find-box";
  box.placeholder = "Filter rows";
  box.setAttribute("aria-label", "Filter rows of the table below");
  table.closest(".scroll").before(box);
  box.addEventListener("input", () => {
    const wanted = box.value.toLowerCase();
    for (const row of table.tBodies[0].rows) {
      row.hidden = !row.textContent.toLowerCase().includes(wanted);
    }
  });
}
