const SVG = "http://www.w3.org/2000/svg";

function shape(tag, attributes, parent) {
  const made = document.createElementNS(SVG, tag);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  parent.append(made);
  return made;
}

// Fit the places into a frame as wide as the card, keeping angles.
function project(xs, ys, width, height, pad) {
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const scale = Math.min((width - 2 * pad) / (right - left || 1), (height - 2 * pad) / (high - low || 1));
  const [dx, dy] = [(width - scale * (right - left)) / 2, (height - scale * (high - low)) / 2];
  return { px: xs.map((x) => dx + (x - left) * scale), py: ys.map((y) => height - dy - (y - low) * scale), scale };
}

function movable(svg, width, height) {
  const box = { x: 0, y: 0, w: width, h: height };
  const apply = () => svg.setAttribute("viewBox", [box.x, box.y, box.w, box.h].join(" "));
  let grip = null;
  svg.addEventListener("wheel", (event) => {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    const frame = svg.getBoundingClientRect();
    const [u, v] = [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
    const factor = Math.min(width / box.w, Math.max(0.05 * width / box.w, Math.exp(event.deltaY / 300)));
    Object.assign(box, { x: box.x + u * box.w * (1 - factor), y: box.y + v * box.h * (1 - factor), w: box.w * factor, h: box.h * factor });
    apply();
  }, { passive: false });
  svg.addEventListener("dblclick", () => { Object.assign(box, { x: 0, y: 0, w: width, h: height }); apply(); });
  svg.addEventListener("pointerdown", (event) => { grip = [event.clientX, event.clientY]; });
  svg.addEventListener("pointermove", (event) => {
    if (!grip || !event.buttons) return;
    const frame = svg.getBoundingClientRect();
    box.x -= ((event.clientX - grip[0]) / frame.width) * box.w;
    box.y -= ((event.clientY - grip[1]) / frame.height) * box.h;
    grip = [event.clientX, event.clientY];
    apply();
  });
  apply();
}

DRAW.map = (holder, figure) => {
  const [width, height] = [1000, 480];
  holder.classList.add("map");
  const svg = document.createElementNS(SVG, "svg");
  const { px, py } = project(figure.x, figure.y, width, height, 26);
  const busy = figure.x.length > 120;
  const lines = figure.branches.map(([a, b]) => shape("line", {
    x1: px[a], y1: py[a], x2: px[b], y2: py[b], "stroke-width": busy ? 3 : 4.5, "stroke-linecap": "round",
  }, svg));
  const special = (kind) => ["plant", "supply", "ext_grid"].includes(kind);
  const dots = px.map((x, i) => {
    const kind = figure.kinds[i];
    const r = special(kind) ? 8 : kind === "junction" ? 3 : busy ? 3.6 : 5.5;
    return special(kind)
      ? shape("rect", { x: x - r, y: py[i] - r, width: 2 * r, height: 2 * r, rx: 2, "stroke-width": 2 }, svg)
      : shape("circle", { cx: x, cy: py[i], r, "stroke-width": busy ? 1 : 1.5 }, svg);
  });
  const controls = element("div", "controls"), when = element("span", "when"), slider = element("input");
  const scales = element("div", "scales"), tip = tooltip(holder);
  Object.assign(slider, { type: "range", min: 0, max: figure.times.length - 1, value: figure.start || 0, ariaLabel: "unit" });
  let worst = figure.start === undefined, timer = null;
  const play = element("button", "", "Play"), peak = element("button", "", figure.worst);
  play.type = peak.type = "button";
  const now = (name) => figure[name + (worst ? "_worst" : "_values")] && (worst ? figure[name + "_worst"] : figure[name + "_values"][+slider.value]);
  const branchValue = (k) => {
    const [a, b, column] = figure.branches[k];
    if (figure.branch_scale) return column >= 0 ? now("branch")[column] : null;
    const [u, v] = [now("node")[a], now("node")[b]];
    return u === null || v === null ? null : (u + v) / 2;
  };
  const draw = () => {
    const nodeColour = colourScale(figure.node_scale.stops);
    const branchScale = figure.branch_scale || figure.node_scale, branchColour = colourScale(branchScale.stops);
    lines.forEach((line, k) => { line.style.stroke = branchColour(branchValue(k)); });
    dots.forEach((dot, i) => { dot.style.fill = nodeColour(now("node")[i]); dot.style.stroke = colour("$card"); });
    when.textContent = worst ? figure.worst_note : figure.times[+slider.value].slice(5);
    peak.setAttribute("aria-pressed", String(worst));
    scales.replaceChildren(...(figure.branch_scale ? [scaleBar(figure.branch_scale)] : []), scaleBar(figure.node_scale));
  };
  const stop = () => { clearInterval(timer); timer = null; play.textContent = "Play"; };
  slider.addEventListener("input", () => { worst = false; draw(); });
  peak.addEventListener("click", () => { stop(); worst = !worst; draw(); });
  play.addEventListener("click", () => {
    if (timer) { stop(); return; }
    worst = false;
    play.textContent = "Pause";
    timer = setInterval(() => { slider.value = (+slider.value + 1) % figure.times.length; draw(); }, 140);
  });
  const say = (value, scale) => (value === null ? "no value" : value.toFixed(scale.decimals) + " " + scale.unit);
  const hover = (event, lines_) => {
    const frame = holder.getBoundingClientRect();
    tip.show(event.clientX - frame.left, event.clientY - frame.top, lines_);
  };
  lines.forEach((line, k) => {
    line.addEventListener("pointermove", (e) => hover(e, [figure.branch_names[k], say(branchValue(k), figure.branch_scale || figure.node_scale)]));
    line.addEventListener("pointerleave", tip.hide);
  });
  dots.forEach((dot, i) => {
    dot.addEventListener("pointermove", (e) => hover(e, [figure.nodes[i], say(now("node")[i], figure.node_scale)]));
    dot.addEventListener("pointerleave", tip.hide);
  });
  controls.append(peak, play, slider, when);
  holder.prepend(controls);
  holder.append(svg, scales);
  movable(svg, width, height);
  draw();
  return draw;
};
