/** The page's script, as far as it is about tables: rows in the page, or packed beside it (`pack-trials.ts`). */
export const tableScript = `
const whole = new Intl.NumberFormat("en-US"), short4 = new Intl.NumberFormat("en-US", { maximumSignificantDigits: 4 });
const formatNumber = (value) => !Number.isFinite(value) ? "–" : Number.isInteger(value) ? whole.format(value) : short4.format(Number(value.toPrecision(4)));

function packedRows(block) {
  const texts = (shared) => {
    let last = "";
    return shared.map((coded) => {
      if (coded === null) return undefined;
      const at = coded.indexOf(" ");
      return (last = last.slice(0, Number(coded.slice(0, at))) + coded.slice(at + 1));
    });
  };
  const values = (column) => column.all ?? column.at.map((at) => column.of[at]);
  const labels = texts(block.labels), hrefs = texts(block.hrefs), notes = texts(block.notes), outcomes = values(block.outcomes);
  const columns = block.columns.map((column) => ({ isNumber: column.isNumber, values: values(column.values) }));
  const shown = (column, i) => {
    const value = column.values[i];
    return value === null ? "" : column.isNumber && typeof value === "number" ? formatNumber(value) : String(value);
  };
  return texts(block.ids).map((id, i) => {
    const rowElement = () => {
      const row = Object.assign(document.createElement("tr"), { id: "trial-" + id });
      row.dataset.trial = id;
      const name = row.insertCell();
      if (hrefs[i] === undefined) name.textContent = labels[i];
      else name.appendChild(Object.assign(document.createElement("a"), { href: hrefs[i], textContent: labels[i] }));
      for (const column of columns) {
        const cell = row.insertCell(), value = column.values[i];
        if (value === null) continue;
        if (column.isNumber && typeof value === "number") cell.className = "number";
        cell.dataset.value = value;
        cell.textContent = shown(column, i);
      }
      const outcome = row.insertCell();
      outcome.dataset.value = outcomes[i];
      const badge = { className: "badge " + block.tones[outcomes[i]], textContent: outcomes[i] };
      outcome.appendChild(Object.assign(document.createElement("span"), badge));
      if (notes[i] !== undefined)
        outcome.append(" ", Object.assign(document.createElement("span"), { className: "over", textContent: notes[i] }));
      return row;
    };
    let text, element;
    return {
      id, href: hrefs[i],
      value: (column) => column === 0 ? labels[i] : column > columns.length ? outcomes[i] : String(columns[column - 1].values[i] ?? ""),
      text: () => (text ??= [labels[i], ...columns.map((column) => shown(column, i)), outcomes[i], notes[i] ?? ""].join(" ").toLowerCase()),
      element: () => (element ??= rowElement()),
    };
  });
}

const rowsInPage = (body) => [...body.rows].map((row) => ({
  id: row.dataset.trial, href: row.querySelector("a")?.getAttribute("href") ?? undefined,
  value: (column) => row.cells[column].dataset.value ?? row.cells[column].textContent,
  text: () => row.textContent.toLowerCase(),
  element: () => row,
}));

function setUpTable(table) {
  const body = table.tBodies[0], block = blockOf("rows-" + table.id);
  const all = block ? packedRows(block) : rowsInPage(body), size = block ? block.pageRows : Infinity;
  const pages = document.querySelector("[data-pages='" + table.id + "']");
  const [back, on] = pages ? byQuery("button", pages) : [];
  let ordered = all, kept = all, from = 0;
  const say = () => {
    if (!pages) return;
    const to = Math.min(from + size, kept.length);
    pages.hidden = kept.length <= size;
    pages.querySelector("span").textContent = whole.format(from + 1) + " to " + whole.format(to) + " of " + whole.format(kept.length);
    back.disabled = from === 0;
    on.disabled = to === kept.length;
  };
  const show = (start) => {
    from = start;
    body.replaceChildren(...kept.slice(from, from + size).map((row) => row.element()));
    say();
  };
  back?.addEventListener("click", () => show(Math.max(0, from - size)));
  on?.addEventListener("click", () => { show(from + size); });
  say();
  let keeps = () => true;
  const apply = () => { kept = ordered.filter(keeps); show(0); };
  table.querySelectorAll("th").forEach((head, column) => {
    head.querySelector("button")?.addEventListener("click", () => {
      const isDown = head.getAttribute("aria-sort") === "ascending";
      table.querySelectorAll("th").forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      const isNumber = head.classList.contains("number"), sign = isDown ? -1 : 1;
      const keyed = ordered.map((row) => [row.value(column), row]);
      keyed.sort(([left], [right]) => {
        if (left === "" || right === "") return (left === "") - (right === "");
        return sign * (isNumber ? Number(left) - Number(right) : left.localeCompare(right, "en", { numeric: true }));
      });
      ordered = keyed.map(([, row]) => row);
      apply();
    });
  });
  table.hrefOf = (id) => all.find((row) => row.id === id)?.href;
  /* A link to a row that is on another page. */
  const reveal = () => {
    const id = location.hash.startsWith("#trial-") ? decodeURIComponent(location.hash.slice("#trial-".length)) : undefined;
    const at = id === undefined || document.getElementById("trial-" + id) ? -1 : kept.findIndex((row) => row.id === id);
    if (at < 0) return;
    show(at - at % size);
    document.getElementById("trial-" + id).scrollIntoView();
  };
  if (block) { addEventListener("hashchange", reveal); reveal(); }
  const input = document.querySelector("[data-filters='" + table.id + "']");
  if (!input) return;
  const selects = byQuery("[data-chooses='" + table.id + "']");
  const count = document.querySelector("[data-counts='" + table.id + "']");
  const clear = document.querySelector("[data-clears='" + table.id + "']");
  let chosen;
  const filter = () => {
    const words = input.value.toLowerCase().split(/\\s+/).filter(Boolean);
    keeps = (row) => (!chosen || chosen.has(row.id)) && words.every((word) => row.text().includes(word)) &&
      selects.every((select) => select.value === "" || "=" + row.value(Number(select.dataset.column)) === select.value);
    apply();
    const isAll = kept.length === all.length;
    count.textContent = (isAll ? "" : whole.format(kept.length) + " of ") + whole.format(all.length) + " trials";
    clear.hidden = isAll;
  };
  const choose = (trials) => {
    chosen = trials; input.value = "";
    for (const select of selects) select.value = "";
    filter();
  };
  input.addEventListener("input", filter);
  for (const select of selects) select.addEventListener("input", filter);
  clear.addEventListener("click", () => { choose(undefined); input.focus(); });
  table.addEventListener("showtrials", (event) => {
    choose(new Set(event.detail));
    table.closest("section").scrollIntoView();
    body.querySelector("a")?.focus({ preventScroll: true });
  });
  table.keepFilter = (other) => { input.value = other.text; selects.forEach((s, i) => { s.value = other.choices[i] ?? ""; }); filter(); };
  table.filterNow = () => ({ text: input.value, choices: selects.map((s) => s.value) });
}
`;
