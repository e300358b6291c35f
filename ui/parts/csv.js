// Tables as files. Texts that spreadsheets would take for formulas are kept from being one.
import { h } from "./dom.js";

function cell(value) {
  const text = String(value ?? "");
  const safe = typeof value === "string" && /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

export function saveCsv(file, titles, rows) {
  const text = [titles, ...rows].map(row => row.map(cell).join(",")).join("\r\n");
  const link = URL.createObjectURL(new Blob(["\ufeff", text, "\r\n"], { type: "text/csv" }));
  h("a", { href: link, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(link), 60000);
}
