/**
 * The page's script, as far as it is about figures: marks say their exact values under the pointer or the arrow keys, lines
 * those of their nearest point; other series step back; clicks and Enter lead to the trials behind.
 */
export const plotScript = `
const markQuery = "a[data-mark], .mark-symbol [aria-label], .mark-rect [aria-label]";
const wordsFor = (field) => field.replace(/([a-z0-9])([A-Z])/g, "$1 $2").toLowerCase();
const short = (value) => typeof value === "number" ? String(Number(value.toPrecision(6))) : String(value);
/* A symbol's outline is of the ground's colour, that of light or dark pages. */
const colorOf = (shape) => [shape.getAttribute("fill"), shape.getAttribute("stroke")].find((color) => color && !/^(none|transparent|#ffffff|#14181d)$/i.test(color));

/* The points that a path goes through, one a row of its line: a step's corners are left out. */
function pointsOf(path, count) {
  const all = [];
  for (const [, command, text] of path.getAttribute("d").matchAll(/([MLCl])([^MLClZ]*)/g)) {
    const numbers = (text.match(/-?(?:\\d+\\.?\\d*|\\.\\d+)/g) ?? []).map(Number);
    if (command !== "l") { all.push(numbers.slice(-2)); continue; }
    /* Steps, each from the point before it. */
    for (let i = 0; i + 1 < numbers.length; i += 2) all.push([all.at(-1)[0] + numbers[i], all.at(-1)[1] + numbers[i + 1]]);
  }
  if (all.length === count) return all;
  const turned = all.filter(([x], i) => i === all.length - 1 || all[i + 1][0] !== x);
  return turned.length === count ? turned : [];
}

function setUpPlot(plot) {
  const figure = plot.closest("figure");
  const behind = figure ? blockOf("marks-" + figure.id.slice("figure-".length)) : undefined;
  const tip = plot.appendChild(Object.assign(document.createElement("div"), { className: "tip", hidden: true }));
  const dot = plot.appendChild(Object.assign(document.createElement("div"), { className: "dot", hidden: true }));
  tip.setAttribute("role", "status");
  const isShown = (svg) => svg.getClientRects().length > 0;
  const isPoint = (mark) => (mark.dataset.mark ?? "row").startsWith("row");
  const marks = () => byQuery("svg", plot).filter(isShown).flatMap((svg) => byQuery(markQuery, svg))
    .filter((mark) => mark.dataset.mark !== undefined || !mark.closest("a[data-mark]"));
  const walked = () => {
    const all = marks(), points = all.filter(isPoint), lines = all.filter((mark) => lineOf(mark) !== undefined);
    return points.length > 0 ? points : lines.length > 0 ? lines : all;
  };
  let current, at = 0;
  const trialsOf = (mark) => {
    const known = behind && behind.marks[mark.dataset.mark];
    return known ? behind.sets[known.set] : [];
  };
  /* A line whose rows are known, and where on the figure they are. */
  const lines = new Map();
  const lineOf = (mark) => {
    if (lines.has(mark)) return lines.get(mark);
    const line = behind?.marks[mark.dataset.mark]?.line, path = line && mark.querySelector("path");
    const points = path ? pointsOf(path, line.rows.length) : [];
    const found = points.length > 0 ? { path, points, ...line } : undefined;
    lines.set(mark, found);
    return found;
  };
  const textOf = (mark) => {
    const known = behind && behind.marks[mark.dataset.mark], line = lineOf(mark);
    const label = mark.getAttribute("aria-label") ?? mark.querySelector("[aria-label]")?.getAttribute("aria-label") ?? "";
    const values = { ...known?.row, ...(line && Object.fromEntries(line.fields.map((field, i) => [field, line.rows[at][i]]))) };
    const said = Object.entries(values).map(([field, value]) => wordsFor(field) + ": " + short(value));
    const count = trialsOf(mark).length;
    return [...(said.length > 0 ? said : label.split("; ").filter(Boolean)), ...(count > 0 ? [count === 1 ? "1 trial: Enter or click shows it" : count + " trials: Enter or click lists them"] : [])];
  };
  /* Marks of other colours step back, as far as the colour tells series apart. */
  const single = (mark) => {
    const shapes = byQuery("svg", plot).filter(isShown).flatMap((svg) => byQuery("[class*=role-mark] :is(path,line,rect)", svg));
    const own = mark && colorOf(mark.matches("a") ? mark.querySelector("path,rect,line") ?? mark : mark);
    const series = new Set(marks().flatMap((one) => byQuery("path,rect,line", one).map(colorOf)));
    for (const shape of shapes) {
      const color = colorOf(shape);
      shape.classList.toggle("back", own !== undefined && series.has(own) && color !== own && series.has(color));
    }
  };
  const show = (mark) => {
    const lines = textOf(mark);
    if (lines.length === 0) return hide();
    if (current !== mark) { current?.classList.remove("current"); mark.classList.add("current"); single(mark); }
    current = mark;
    tip.textContent = lines.join("\\n");
    tip.hidden = false;
    place();
  };
  /* The tip stands in the window, beside its mark: the figure, which can be scrolled, would cut it. */
  const place = () => {
    const frame = plot.getBoundingClientRect(), line = lineOf(current), { clientWidth, clientHeight } = document.documentElement;
    let box = current.getBoundingClientRect();
    if (line) {
      const point = new DOMPoint(...line.points[at]).matrixTransform(line.path.getScreenCTM());
      box = new DOMRect(point.x, point.y, 0, 0);
      dot.style.left = point.x - frame.left + plot.scrollLeft + "px";
      dot.style.top = point.y - frame.top + "px";
    }
    dot.hidden = !line;
    tip.style.left = "0";
    const { width, height } = tip.getBoundingClientRect();
    const left = box.left + (line || isPoint(current) ? box.width + 8 : box.width / 2);
    tip.style.left = (left + width > clientWidth ? Math.max(0, box.left - width - 8) : left) + "px";
    tip.style.top = Math.max(0, Math.min(box.top - height / 2, clientHeight - height)) + "px";
  };
  const hide = () => {
    tip.hidden = dot.hidden = true;
    if (current) { current.classList.remove("current"); single(undefined); }
    current = undefined;
  };
  const open = (mark) => {
    const trials = trialsOf(mark);
    if (trials.length === 0) return false;
    const table = document.querySelector("#trials-table");
    const only = trials.length === 1 ? table?.hrefOf(trials[0]) : undefined;
    if (only !== undefined) { location.href = only; return true; }
    if (!table) return false;
    table.dispatchEvent(new CustomEvent("showtrials", { detail: trials }));
    return true;
  };
  plot.addEventListener("pointermove", (event) => {
    const under = event.target.closest && event.target.closest(markQuery);
    if (!under) return hide();
    const mark = under.closest("a[data-mark]") ?? under, line = lineOf(mark);
    if (line) {
      const { x, y } = new DOMPoint(event.clientX, event.clientY).matrixTransform(line.path.getScreenCTM().inverse());
      const distances = line.points.map(([px, py]) => Math.hypot(px - x, py - y));
      const nearest = distances.indexOf(Math.min(...distances));
      if (mark === current && nearest === at) return;
      at = nearest;
    } else if (mark === current) return;
    show(mark);
  });
  plot.addEventListener("pointerleave", hide);
  plot.addEventListener("blur", hide);
  /* A page of a run that goes on replaces its figures. */
  const follow = () => plot.isConnected ? current && place() : removeEventListener("scroll", follow, true);
  addEventListener("scroll", follow, true);
  plot.addEventListener("click", (event) => {
    const mark = event.target.closest && event.target.closest("a[data-mark]");
    if (mark) { event.preventDefault(); open(mark); }
  });
  plot.addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (event.key === "Escape") hide();
    if (event.key === "Enter" && current && open(current)) event.preventDefault();
    const all = step ? walked() : [];
    if (all.length === 0) return;
    event.preventDefault();
    const line = current && lineOf(current);
    /* Along a line, a fiftieth of it with Shift; up and down to the next one. */
    if (line && !/Up|Down/.test(event.key)) {
      const stride = event.shiftKey ? Math.ceil(line.points.length / 50) : 1;
      at = Math.max(0, Math.min(line.points.length - 1, at + step * stride));
      return show(current);
    }
    at = 0;
    const place = current ? all.indexOf(current) : -1;
    show(all[place < 0 ? (step > 0 ? 0 : all.length - 1) : (place + step + all.length) % all.length]);
  });
}
`;
