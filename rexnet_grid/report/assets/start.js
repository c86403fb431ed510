const redraws = [...document.querySelectorAll("[data-figure]")].map((holder) => {
  const figure = FIGURES[holder.dataset.figure];
  return DRAW[figure.type](holder, figure);
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => redraws.forEach((redraw) => redraw()));
document.documentElement.dataset.drawn = String(redraws.length);
