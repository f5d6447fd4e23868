/**
 * What the page does beyond being read: marks say their values under the pointer or the arrow keys, the trial table
 * sorts and filters. Without it everything is still there.
 */
export const pageScript = `
"use strict";
for (const plot of document.querySelectorAll(".plot")) {
  const tip = plot.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
  tip.setAttribute("role", "status");
  const marks = () => [...plot.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length > 0)
    .flatMap((svg) => [...svg.querySelectorAll(".mark-symbol [aria-label], .mark-rect [aria-label]")]);
  let current = -1;
  const show = (mark) => {
    const box = mark.getBoundingClientRect(), frame = plot.getBoundingClientRect();
    tip.textContent = mark.getAttribute("aria-label").split("; ").join("\\n");
    tip.hidden = false;
    const left = box.left - frame.left + plot.scrollLeft + box.width + 8;
    const room = plot.clientWidth + plot.scrollLeft - tip.offsetWidth;
    tip.style.left = (left > room ? Math.max(0, box.left - frame.left + plot.scrollLeft - tip.offsetWidth - 8) : left) + "px";
    tip.style.top = Math.max(0, box.top - frame.top - tip.offsetHeight / 2) + "px";
  };
  const hide = () => { tip.hidden = true; current = -1; };
  plot.addEventListener("pointerover", (event) => {
    const mark = event.target.closest && event.target.closest(".mark-symbol [aria-label], .mark-rect [aria-label]");
    if (mark) show(mark); else hide();
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    const all = marks();
    if (event.key === "Escape") hide();
    if (!step || all.length === 0) return;
    event.preventDefault();
    current = (current + step + all.length) % all.length;
    show(all[current]);
  });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const rows = [...body.rows];
  table.querySelectorAll("th").forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const isNumber = head.classList.contains("number"), sign = isDown ? -1 : 1;
      rows.sort((a, b) => {
        const left = value(a), right = value(b);
        if (left === "" || right === "") return (left === "") - (right === "");
        return sign * (isNumber ? Number(left) - Number(right) : left.localeCompare(right, "en", { numeric: true }));
      });
      body.append(...rows);
    });
  });
  const input = document.querySelector("[data-filters='" + table.id + "']");
  const count = document.querySelector("[data-counts='" + table.id + "']");
  if (input) input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      if (!row.hidden) shown++;
    }
    count.textContent = shown === rows.length ? rows.length + " trials" : shown + " of " + rows.length + " trials";
  });
}
`;
