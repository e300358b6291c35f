import { h } from "../parts/dom.js";
import { get, url } from "../parts/api.js";
import { logIn } from "../parts/session.js";
import { t } from "../parts/words.js";
import { explain } from "../parts/view.js";

export function login(done, ...tools) {
  const problem = h("p", { class: "failed", role: "alert", hidden: true });
  const name = h("input", { name: "username", autocomplete: "username", required: true, value: "admin", autofocus: true });
  const word = h("input", { name: "password", type: "password", autocomplete: "current-password", required: true });
  const button = h("button", { class: "primary", type: "submit" }, t("login"));
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    problem.hidden = true;
    try {
      await logIn(name.value, word.value);
      done();
    } catch (error) {
      problem.textContent = error.status === 401 ? t("login.wrong") : explain(error);
      problem.hidden = false;
      button.disabled = false;
      word.select();
    }
  }
  const sso = h("a", { class: "button", href: url("sso/key/generate").href, hidden: true }, t("login.sso"));
  const hint = h("p", { class: "muted" }, t("login.hint"));
  get(".well-known/litellm-ui-config").then(found => {
    sso.hidden = !found.sso_configured;
    hint.hidden = found.hide_default_credentials_hint;
    if (found.auto_redirect_to_sso && !new URLSearchParams(location.search).has("fallback"))
      location.replace(sso.href);
  }, () => {});
  return h("main", { class: "login" }, h("form", { class: "card", onsubmit: submit },
    h("h1", {}, "Lintel"), hint,
    h("label", {}, h("span", {}, t("username")), name),
    h("label", {}, h("span", {}, t("password")), word),
    problem, button, sso, h("div", { class: "row end" }, tools)));
}
