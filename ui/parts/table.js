// Tables: columns are {title, cell(row), sort: name or absent, kind: "number" or absent}.
import { h } from "./dom.js";
import { number, t } from "./words.js";

// `order`: {by, down}; `onOrder(by)` when a title is chosen.
export function table(columns, rows, { order, onOrder, onRow, caption } = {}) {
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, caption && h("caption", { class: "hidden" }, caption),
      h("thead", {}, h("tr", {}, columns.map(column => title(column, order, onOrder)))),
      h("tbody", {}, rows.map(row => line(columns, row, onRow)))));
}

function title(column, order, onOrder) {
  if (!column.sort || !onOrder) return h("th", { class: column.kind, scope: "col" }, column.title);
  const chosen = order?.by === column.sort;
  return h("th", { class: column.kind, scope: "col", "aria-sort": chosen ? (order.down ? "descending" : "ascending") : "none" },
    h("button", { class: "plain", onclick: () => onOrder(column.sort) }, column.title,
      h("span", { "aria-hidden": "true" }, chosen ? (order.down ? " ↓" : " ↑") : "")));
}

function line(columns, row, onRow) {
  const open = onRow && (event => event.target.closest("button, a, input, select") || onRow(row));
  const key = onRow && (event => {
    if (event.key !== "Enter" || event.target !== event.currentTarget) return;
    event.preventDefault(); // what opens has the focus at once, and would be pressed
    onRow(row);
  });
  return h("tr", { class: onRow && "link", tabindex: onRow && "0", onclick: open, onkeydown: key },
    columns.map(column => h("td", { class: column.kind, "data-title": column.title }, h("div", {}, column.cell(row)))));
}

// The order that a list was asked in, and another one when a title is chosen.
export function ordered(asked, again) {
  return { order: asked.order, onOrder: by => {
    asked.order = { by, down: asked.order.by === by ? !asked.order.down : true };
    again();
  } };
}

// Pages from 1; `go(page)`.
export function pages(page, count, total, go) {
  if (!total) return null;
  return h("nav", { class: "pages", "aria-label": t("pages") },
    h("button", { disabled: page <= 1, onclick: () => go(page - 1) }, t("page.before")),
    h("span", {}, t("page.of", { page: number(page), count: number(Math.max(count, 1)), total: number(total) })),
    h("button", { disabled: page >= count, onclick: () => go(page + 1) }, t("page.next")));
}
