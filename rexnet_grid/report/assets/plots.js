// Hours for a day, plotly's own choice for more.
function timeFormat(traces) {
  const x = traces[0] && Array.isArray(traces[0].x) ? traces[0].x : [];
  const days = (Date.parse(x[x.length - 1]) - Date.parse(x[0])) / 864e5;
  return days <= 1.25 ? { tickformat: "%H:%M", nticks: 9 } : {};
}

function mergedLayout(own, height, time) {
  const ink = colour("$ink"), muted = colour("$muted"), rule = colour("$rule");
  const axis = (more) => ({
    gridcolor: rule, zerolinecolor: rule, linecolor: rule, tickfont: { color: muted, size: 11.5 }, automargin: true,
    ...more, title: { ...(more && more.title), font: { color: muted, size: 12 }, standoff: 8 },
  });
  const layout = {
    height, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", margin: { l: 56, r: 12, t: 14, b: own.showlegend === false ? 30 : 62 },
    font: { family: getComputedStyle(document.body).fontFamily, color: ink, size: 12.5 }, hovermode: "x unified",
    hoverlabel: { bgcolor: colour("$card"), bordercolor: rule, font: { color: ink } },
    legend: { orientation: "h", x: 0, yref: "container", y: 0, yanchor: "bottom", font: { color: muted } }, dragmode: "zoom",
    ...themed(own),
  };
  for (const key of new Set(["xaxis", "yaxis", ...Object.keys(layout).filter((k) => /^[xy]axis\d*$/.test(k))])) {
    layout[key] = axis({ ...(key[0] === "x" ? { showgrid: false, hoverformat: "%a %H:%M", ...time } : {}), ...layout[key] });
  }
  layout.annotations = (layout.annotations || []).map((note) => ({ ...note, font: { size: 12.5, color: ink, ...note.font } }));
  return layout;
}

DRAW.plot = (holder, figure) => {
  const plate = element("div");
  let chosen = 0;
  const draw = () => {
    const { traces, layout, height, least_width } = figure.choices[chosen];
    plate.style.minWidth = least_width ? least_width + "px" : "";
    holder.classList.toggle("wide", Boolean(least_width));
    Plotly.react(plate, themed(traces), mergedLayout(layout, height, timeFormat(traces)), { displayModeBar: false, responsive: true });
  };
  if (figure.choices.length > 1) {
    const controls = element("div", "controls");
    controls.append(tabs(figure.choices.map((c) => c.name), 0, (i) => { chosen = i; Plotly.purge(plate); draw(); }));
    holder.append(controls);
  }
  holder.append(plate);
  draw();
  return draw;
};
