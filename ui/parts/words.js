// What the page says, in the reader's language; numbers, money and times in the reader's way.
import en from "../strings/en.js";
import fr from "../strings/fr.js";
import ja from "../strings/ja.js";

export const languages = { en: "English", fr: "Français", ja: "日本語" };
const tables = { en, fr, ja };
const KEPT = "lintel-language";

function preferred() {
  const wanted = [localStorage.getItem(KEPT), ...navigator.languages];
  return wanted.map(one => (one || "").slice(0, 2)).find(one => one in tables) || "en";
}

export let language = preferred();

export function setLanguage(to) {
  localStorage.setItem(KEPT, to);
  language = to;
  document.documentElement.lang = to;
}

// t("deleted", {name}): "{name}" in the text is replaced.
export function t(name, values = {}) {
  const text = tables[language][name] ?? en[name] ?? name;
  return text.replace(/\{(\w+)\}/g, (whole, key) => (key in values ? values[key] : whole));
}

export function number(value) {
  return new Intl.NumberFormat(language).format(value ?? 0);
}

export function short(value) {
  return new Intl.NumberFormat(language, { notation: "compact", maximumFractionDigits: 1 }).format(value ?? 0);
}

// Cents matter little in a sum and much in a single call.
export function money(value) {
  const digits = Math.abs(value ?? 0) >= 1 || !value ? 2 : Math.abs(value) >= 0.01 ? 4 : 6;
  return new Intl.NumberFormat(language, { style: "currency", currency: "USD", maximumFractionDigits: digits,
    minimumFractionDigits: 2 }).format(value ?? 0);
}

export function percent(part) {
  return new Intl.NumberFormat(language, { style: "percent", maximumFractionDigits: 1 }).format(part || 0);
}

export function time(value) {
  return value ? new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" }).format(new Date(value)) : "–";
}

export function moment(value) {
  return new Intl.DateTimeFormat(language, { dateStyle: "short", timeStyle: "medium" }).format(new Date(value));
}

export function clock(value) {
  return new Intl.DateTimeFormat(language, { timeStyle: "medium" }).format(new Date(value));
}

export function day(value) {
  return value ? new Intl.DateTimeFormat(language, { dateStyle: "medium" }).format(new Date(value)) : "–";
}

// "2026-11-21", a day of UTC, as a chart has it.
export function shortDay(value) {
  return new Intl.DateTimeFormat(language, { month: "short", day: "numeric", timeZone: "UTC" }).format(new Date(value));
}

export function milliseconds(value) {
  if (value === null || value === undefined) return "–";
  return value < 1000 ? `${number(Math.round(value))} ms` : `${number(Math.round(value / 10) / 100)} s`;
}
