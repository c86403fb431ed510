// The LOB-3D: bars over (unit, price), drawn on a plain canvas from back to front, so that it needs no WebGL.
const TALL = 0.32, WIDE = 1.1;

const nice = (span, count) => {
  const raw = span / count, base = 10 ** Math.floor(Math.log10(raw || 1));
  return base * [1, 2, 5, 10].find((m) => m * base >= raw);
};

DRAW.book = (holder, figure) => {
  const canvas = element("canvas"), controls = element("div", "controls"), pictures = element("span");
  const tip = tooltip(holder), pen = canvas.getContext("2d");
  let carrier = 0, moment = 0, turn = -0.62, tilt = 0.7, drag = null, faces = [], pending = false;

  const scene = () => {
    const shown = figure.choices[carrier].moments[moment];
    const units = shown.labels.length, low = Math.min(...shown.price), high = Math.max(...shown.price);
    const steps = [...new Set(shown.price)].sort((a, b) => a - b);
    let step = Infinity;
    for (let i = 1; i < steps.length; i += 1) step = Math.min(step, steps[i] - steps[i - 1]);
    return { shown, units, low, high, step: isFinite(step) ? step : 1, top: Math.max(...shown.kw, 1e-9) };
  };

  const draw = () => {
    pending = false;
    const width = holder.clientWidth, height = Math.max(270, Math.min(520, width * 0.52)), ratio = window.devicePixelRatio || 1;
    canvas.width = width * ratio; canvas.height = height * ratio; canvas.style.height = height + "px";
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, width, height);
    const s = scene(), [sin, cos, lean, rise] = [Math.sin(turn), Math.cos(turn), Math.sin(tilt), Math.cos(tilt)];
    const span = s.high - s.low + s.step;
    const X = (u) => ((u - s.shown.first) / s.units - 0.5) * 2 * WIDE, Y = (p) => (p - s.low + s.step / 2) / span - 0.5;
    const Z = (kw) => (TALL * Math.log1p(kw)) / Math.log1p(s.top);
    const flat = (x, y, z) => [x * cos - y * sin, (x * sin + y * cos) * lean - z * rise, x * sin + y * cos];
    const corners = [-WIDE, WIDE].flatMap((x) => [-0.5, 0.5].flatMap((y) => [flat(x * 1.12, y * 1.2, 0), flat(x, y, TALL)]));
    const [us, vs] = [corners.map((c) => c[0]), corners.map((c) => c[1])];
    const [u0, u1, v0, v1] = [Math.min(...us), Math.max(...us), Math.min(...vs), Math.max(...vs)];
    const size = Math.min((width - (width < 600 ? 64 : 120)) / (u1 - u0), (height - 36) / (v1 - v0));
    const at = (x, y, z) => {
      const [u, v, depth] = flat(x, y, z);
      return [width / 2 + (u - (u0 + u1) / 2) * size, height / 2 + (v - (v0 + v1) / 2) * size, depth];
    };
    const ink = colour("$muted"), rule = colour("$rule");
    pen.font = "12px " + getComputedStyle(document.body).fontFamily;
    floor(s, at, X, Y, Z, ink, rule, width);
    const bars = s.shown.unit.map((u, i) => ({ i, depth: at(X(u + 0.5), Y(s.shown.price[i]), 0)[2] }));
    bars.sort((a, b) => a.depth - b.depth);
    const paint = { 0: shades("$c1"), 1: shades("$c2") };
    faces = bars.map(({ i }) => bar(s, i, at, X, Y, Z, cos, sin, paint[s.shown.sell[i]]));
  };

  const floor = (s, at, X, Y, Z, ink, rule, width) => {
    pen.strokeStyle = rule; pen.lineWidth = 1;
    const stroke = (a, b) => { pen.beginPath(); pen.moveTo(a[0], a[1]); pen.lineTo(b[0], b[1]); pen.stroke(); };
    const front = Math.cos(turn) > 0 ? 0.5 : -0.5, side = Math.sin(turn) > 0 ? WIDE : -WIDE;
    pen.fillStyle = ink; pen.textAlign = "center"; pen.textBaseline = "middle";
    const every = Math.max(1, Math.ceil(s.units / Math.min(8, width / 110)));
    for (let k = 0; k < s.units; k += every) {
      const x = X(s.shown.first + k);
      stroke(at(x, -0.5, 0), at(x, 0.5, 0));
      const [u, v] = at(x, front * 1.14, 0);
      pen.fillText(s.shown.labels[k], u, v);
    }
    const gap = nice(s.high - s.low || 1, width < 600 ? 2 : 5);
    for (let p = Math.ceil(s.low / gap) * gap; p <= s.high; p += gap) {
      stroke(at(-WIDE, Y(p), 0), at(WIDE, Y(p), 0));
      const [u, v] = at(side * 1.1, Y(p), 0);
      pen.fillText(p.toFixed(gap < 1 ? 1 : 0), u, v);
    }
    const title = (x, y, text) => { const [u, v] = at(x, y, 0); pen.fillText(text, u, v); };
    title(0, front * 1.34, "delivery unit");
    title(side * 1.27, 0, "EUR/MWh");
    const ends = [[-WIDE, -0.5], [-WIDE, 0.5], [WIDE, -0.5], [WIDE, 0.5]];
    const [ex, ey] = ends.reduce((a, b) => (at(...b, 0)[0] < at(...a, 0)[0] ? b : a));
    const corner = (z) => at(ex, ey, z);
    stroke(corner(0), corner(TALL));
    const powers = [1, 10, 100, 1000, 10000, 100000].filter((kw) => kw <= s.top);
    for (const kw of width < 600 ? powers.slice(-1) : powers) {
      const [u, v] = corner(Z(kw));
      pen.textAlign = "right";
      pen.fillText(kw + " kW", u - 6, v);
      pen.beginPath(); pen.moveTo(u - 3, v); pen.lineTo(u + 3, v); pen.stroke();
    }
  };

  const shades = (name) => {
    const base = rgb(colour(name)), light = [255, 255, 255], dark = [20, 28, 36];
    return [mixed(base, light, 0.22), base, mixed(base, dark, 0.28)].map((c) => "rgb(" + c.join(",") + ")");
  };

  const bar = (s, i, at, X, Y, Z, cos, sin, [bright, middle, dark]) => {
    const u = s.shown.unit[i], p = s.shown.price[i], z = Z(s.shown.kw[i]), fill = 0.86;
    const [x0, x1] = [X(u), X(u + fill)], [y0, y1] = [Y(p - (s.step * fill) / 2), Y(p + (s.step * fill) / 2)];
    const polygon = (points, paint) => {
      pen.fillStyle = paint; pen.beginPath();
      points.forEach(([x, y], k) => (k ? pen.lineTo(x, y) : pen.moveTo(x, y)));
      pen.closePath(); pen.fill();
    };
    const wallY = cos > 0 ? y1 : y0, wallX = sin > 0 ? x1 : x0;
    polygon([at(x0, wallY, 0), at(x1, wallY, 0), at(x1, wallY, z), at(x0, wallY, z)], middle);
    polygon([at(wallX, y0, 0), at(wallX, y1, 0), at(wallX, y1, z), at(wallX, y0, z)], dark);
    const roof = [at(x0, y0, z), at(x1, y0, z), at(x1, y1, z), at(x0, y1, z)];
    polygon(roof, bright);
    const [left, right] = [Math.min(...roof.map((q) => q[0])), Math.max(...roof.map((q) => q[0]))];
    const top = Math.min(...roof.map((q) => q[1])), bottom = at(x1, wallY, 0)[1];
    return { i, left: left - 1, right: right + 1, top: top - 1, bottom: Math.max(bottom, top + 4) };
  };

  const redraw = () => { if (!pending) { pending = true; requestAnimationFrame(draw); } };

  canvas.addEventListener("pointerdown", (event) => { drag = [event.clientX, event.clientY]; canvas.setPointerCapture(event.pointerId); tip.hide(); });
  canvas.addEventListener("pointerup", () => { drag = null; });
  canvas.addEventListener("pointerleave", () => tip.hide());
  canvas.addEventListener("pointermove", (event) => {
    if (drag) {
      turn += (event.clientX - drag[0]) / 180;
      tilt = Math.min(1.35, Math.max(0.15, tilt + (event.clientY - drag[1]) / 220));
      drag = [event.clientX, event.clientY];
      redraw();
      return;
    }
    const x = event.offsetX, y = event.offsetY, s = scene();
    const found = faces.findLast((f) => x >= f.left && x <= f.right && y >= f.top && y <= f.bottom);
    if (!found) { tip.hide(); return; }
    const { i } = found, side = s.shown.sell[i] ? "offered for sale" : "wanted";
    const lines = ["delivery " + s.shown.labels[s.shown.unit[i] - s.shown.first], s.shown.price[i].toFixed(1) + " EUR/MWh", s.shown.kw[i].toFixed(1) + " kW " + side];
    tip.show(x, y + canvas.offsetTop, lines);
  });
  window.addEventListener("resize", redraw);

  const offer = () => {
    const names = figure.choices[carrier].moments.map((m) => m.name);
    pictures.replaceChildren(element("span", "quiet", "seen at "), tabs(names, moment, (i) => { moment = i; redraw(); }));
  };
  if (figure.choices.length > 1) {
    controls.append(tabs(figure.choices.map((c) => c.name), 0, (i) => {
      carrier = i;
      moment = Math.min(moment, figure.choices[i].moments.length - 1);
      offer();
      redraw();
    }));
  }
  controls.append(pictures);
  holder.append(controls, canvas);
  offer();
  draw();
  return draw;
};
