"use strict";
const FIGURES = JSON.parse(document.getElementById("figures").textContent);
const DRAW = {};

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue("--" + name.slice(1)).trim();
}

// Replace "$name" by the colour of that name, everywhere in a figure.
function themed(value) {
  if (typeof value === "string") return /^\$[a-z0-9]+$/.test(value) ? colour(value) || value : value;
  if (Array.isArray(value)) return value.map(themed);
  if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v)]));
  return value;
}

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

function tabs(names, chosen, choose) {
  const box = element("div", "tabs");
  const buttons = names.map((name, i) => {
    const button = element("button", "", name);
    button.type = "button";
    button.setAttribute("aria-pressed", String(i === chosen));
    button.addEventListener("click", () => {
      buttons.forEach((other, j) => other.setAttribute("aria-pressed", String(i === j)));
      choose(i);
    });
    box.append(button);
    return button;
  });
  return box;
}

function tooltip(holder) {
  const tip = element("div", "tip");
  tip.hidden = true;
  holder.append(tip);
  return {
    show(x, y, lines) {
      tip.replaceChildren(...lines.map((line) => element("div", "", line)));
      tip.hidden = false;
      const half = tip.offsetWidth / 2;
      tip.style.left = Math.min(Math.max(x, half), holder.clientWidth - half) + "px";
      tip.style.top = Math.max(y, tip.offsetHeight + 12) + "px";
    },
    hide() { tip.hidden = true; },
  };
}

function rgb(text) {
  const hex = /^#([0-9a-f]{6})$/i.exec(text);
  if (!hex) return [128, 128, 128];
  const n = parseInt(hex[1], 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

function mixed(a, b, share) {
  return a.map((v, i) => Math.round(v + (b[i] - v) * share));
}

// Return a function from a value to a colour along the stops [[value, "$name"], …].
function colourScale(stops) {
  const points = stops.map(([value, name]) => [value, rgb(colour(name))]);
  return (value) => {
    if (value === null || value === undefined) return colour("$faint");
    let k = 0;
    while (k < points.length - 2 && value > points[k + 1][0]) k += 1;
    const [[a, from], [b, to]] = [points[k], points[k + 1]];
    const share = Math.min(1, Math.max(0, (value - a) / (b - a || 1)));
    return "rgb(" + mixed(from, to, share).join(",") + ")";
  };
}

function scaleBar(scale) {
  const box = element("div", "scale");
  box.append(element("div", "", scale.title + " [" + scale.unit + "]"));
  const bar = element("div", "bar");
  const [first, last] = [scale.stops[0][0], scale.stops[scale.stops.length - 1][0]];
  const at = scale.stops.map(([v, name]) => colour(name) + " " + (100 * (v - first)) / (last - first || 1) + "%");
  bar.style.background = "linear-gradient(to right," + at.join(",") + ")";
  const ends = element("div", "ends");
  scale.stops.forEach(([v]) => ends.append(element("span", "", v.toFixed(scale.decimals === 3 ? 2 : 0))));
  box.append(bar, ends);
  return box;
}
