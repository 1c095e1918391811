"use strict";
// Charts: one view at a time, in the colours of the page; a click on a point opens its record.
(() => {
  // By name, so that none is among them that sends the chart somewhere.
  const BUTTONS = [["toImage", "zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d"]];
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const axis = (given) => ({
    ...given, gridcolor: colour("--line"), linecolor: colour("--faint"), zeroline: false, automargin: true, exponentformat: "power",
  });

  function draw(select) {
    const name = select.dataset.chart;
    const view = JSON.parse(document.getElementById(name + "-views").textContent)[Number(select.value)];
    const narrow = window.innerWidth < 640;
    const ink = colour("--ink");
    const traces = view.traces.map((trace) => ({
      ...trace,
      // Black of the palette is not seen on a dark page.
      line: { ...trace.line, color: trace.line.color === "#000000" ? ink : trace.line.color },
      marker: { ...trace.marker, color: trace.line.color === "#000000" ? ink : trace.line.color },
    }));
    const layout = {
      xaxis: axis(view.x), yaxis: axis(view.y), hovermode: "closest", showlegend: true,
      legend: narrow ? { orientation: "h", y: -0.25, font: { size: 10 } } : { font: { size: 11 } },
      margin: { l: 60, r: 10, t: 36, b: 50 },
      paper_bgcolor: colour("--paper"), plot_bgcolor: colour("--paper"), font: { color: ink },
      shapes: view.shapes ?? [],
    };
    const box = document.getElementById(name);
    Plotly.react(box, traces, layout, { responsive: true, displaylogo: false, modeBarButtons: BUTTONS });
    box.removeAllListeners?.("plotly_click");
    box.on("plotly_click", ({ points }) => {
      const id = points[0]?.customdata;
      if (typeof id === "string" && /^[0-9a-f-]+$/.test(id)) window.location.hash = "#record-" + id;
    });
  }

  for (const select of document.querySelectorAll("select[data-chart]")) {
    select.addEventListener("change", () => draw(select));
    dark.addEventListener("change", () => draw(select));
    draw(select);
  }
})();
