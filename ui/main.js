// The frame: who is logged in, which page is shown (by the part of the address behind #), language and theme.
import { h, replace } from "./parts/dom.js";
import { url, whenLoggedOut } from "./parts/api.js";
import { languages, language, setLanguage, t } from "./parts/words.js";
import { session, logOut, resume, seesAll } from "./parts/session.js";
import { loading } from "./parts/view.js";
import { invitation } from "./pages/invitation.js";
import { login } from "./pages/login.js";
import { overview } from "./pages/overview.js";
import { usage } from "./pages/usage.js";
import { logs } from "./pages/logs.js";
import { models } from "./pages/models.js";
import { keys } from "./pages/keys.js";
import { teams } from "./pages/teams.js";
import { users } from "./pages/users.js";
import { audit } from "./pages/audit.js";
import { settings } from "./pages/settings.js";
import { playground } from "./pages/playground.js";
import { reference } from "./pages/reference.js";

// `open`: for who is not logged in, too; `all`: for who sees what is everybody's.
const pages = {
  overview: { show: overview },
  usage: { show: usage },
  logs: { show: logs },
  models: { show: models },
  keys: { show: keys },
  teams: { show: teams },
  users: { show: users, all: true },
  audit: { show: audit, all: true },
  settings: { show: settings, all: true },
  playground: { show: playground },
  reference: { show: reference, open: true },
};

const THEME = "lintel-theme";
const first = location.pathname.endsWith("/docs") ? "reference" : "overview"; // one page is served at both addresses
const app = document.getElementById("app");

function theme() {
  return localStorage.getItem(THEME) || (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
}

function setTheme(to) {
  document.documentElement.dataset.theme = to;
}

function address() {
  const [name, query] = location.hash.replace(/^#\/?/, "").split("?");
  const known = name in pages && (mayOpen(name) || !isSomebody());
  return { name: known ? name : first, query: new URLSearchParams(query) };
}

function chooser() {
  return h("select", { "aria-label": t("language"), onchange: event => { setLanguage(event.target.value); show(); } },
    Object.entries(languages).map(([code, name]) => h("option", { value: code, selected: code === language }, name)));
}

function themeSwitch() {
  const other = theme() === "dark" ? "light" : "dark";
  const change = () => { localStorage.setItem(THEME, other); setTheme(other); show(); };
  return h("button", { class: "plain", "aria-label": t(`theme.${other}`), title: t(`theme.${other}`), onclick: change },
    other === "dark" ? "☾" : "☀");
}

const isSomebody = () => Boolean(session.user || session.role);
const mayOpen = name => pages[name].open || (isSomebody() && (!pages[name].all || seesAll()));

function navigation(current) {
  return h("nav", { class: "side", "aria-label": t("navigation") },
    h("a", { class: "brand", href: "#/overview" }, "Lintel"),
    h("ul", {}, Object.keys(pages).filter(mayOpen).map(name => h("li", {},
      h("a", { href: `#/${name}`, "aria-current": name === current && "page" }, t(`page.${name}`))))),
    h("div", { class: "self" },
      h("p", { class: "muted", title: session.role }, session.user || session.role),
      h("div", { class: "row" }, chooser(), themeSwitch()),
      isSomebody() ? session.login && h("button", { onclick: leave }, t("logout"))
        : h("a", { class: "button", href: url("ui").href }, t("login"))));
}

async function leave() {
  await logOut();
  show();
}

// Only what changed is made anew: a page that reads its own part of the address gets that as an event.
function show() {
  document.documentElement.lang = language;
  setTheme(theme());
  const { name, query } = address();
  const invited = new URLSearchParams(location.search).get("invitation_id");
  if (invited && !isSomebody()) {
    replace(app, invitation(invited, () => { history.replaceState(null, "", location.pathname); show(); }, chooser(), themeSwitch()));
    return;
  }
  if (!mayOpen(name)) {
    replace(app, login(show, chooser(), themeSwitch()));
    return;
  }
  document.title = `${t(`page.${name}`)} · Lintel`;
  const main = h("main", { id: "main" }, pages[name].show(query));
  replace(app, h("a", { class: "skip", href: "#main", onclick: event => { event.preventDefault(); main.querySelector("h1")?.focus(); } },
    t("skip")), warning(), h("div", { class: "frame" }, navigation(name), main));
}

function warning() {
  return session.warning && h("p", { class: "warning", role: "note" }, t(`warning.${session.warning}`));
}

addEventListener("hashchange", show);
whenLoggedOut(async () => {
  await resume();
  if (!isSomebody()) show();
});
replace(app, loading(resume, () => { queueMicrotask(show); return ""; }).place);
