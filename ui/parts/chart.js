// Charts by Chart.js, in the page's own colours.
import { h } from "./dom.js";
import { language } from "./words.js";

const names = ["--series-1", "--series-2", "--series-3", "--series-4", "--series-5", "--series-6", "--series-7", "--series-8"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

// `series`: [{label, values}], one value per label of `labels`; `stacked` bars, or lines. `format` of a value.
export function chart(kind, labels, series, { stacked, format, title } = {}) {
  const canvas = h("canvas", { role: "img", "aria-label": title });
  const place = h("div", { class: "chart" }, canvas);
  const text = colour("--muted"), line = colour("--line");
  const scale = { stacked, ticks: { color: text }, grid: { color: line } };
  const made = new window.Chart(canvas, {
    type: kind,
    data: { labels, datasets: series.map((one, i) => dataset(kind, one, colour(names[i % names.length]))) },
    options: {
      animation: false, responsive: true, maintainAspectRatio: false, locale: language,
      interaction: { mode: "index", intersect: false },
      scales: { x: { ...scale, grid: { display: false } },
        y: { ...scale, beginAtZero: true, ticks: { color: text, callback: value => (format ? format(value) : value) } } },
      plugins: {
        legend: { display: series.length > 1, position: "bottom", labels: { color: text, boxWidth: 12 } },
        tooltip: { callbacks: { label: item => `${item.dataset.label}: ${format ? format(item.parsed.y) : item.parsed.y}` } },
      },
    },
  });
  const gone = new MutationObserver(() => {
    if (place.isConnected) return;
    gone.disconnect();
    made.destroy();
  });
  requestAnimationFrame(() => gone.observe(document.getElementById("app"), { childList: true, subtree: true }));
  return place;
}

function dataset(kind, one, tint) {
  return { label: one.label, data: one.values, backgroundColor: kind === "line" ? "transparent" : tint, borderColor: tint,
    borderWidth: kind === "line" ? 2 : 0, pointRadius: one.values.length > 31 ? 0 : 2, tension: 0.25, maxBarThickness: 40 };
}
