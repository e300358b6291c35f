// What the link of an invitation leads to: whoever has it chooses a password, and is logged in.
import { h, replace } from "../parts/dom.js";
import { get } from "../parts/api.js";
import { claim } from "../parts/session.js";
import { t } from "../parts/words.js";
import { explain, loading } from "../parts/view.js";

export function invitation(id, done, ...tools) {
  const asked = loading(() => get("onboarding/get_token", { invite_link: id }), whose => form(id, whose, done));
  return h("main", { class: "login" }, asked.place, h("div", { class: "row end" }, tools));
}

function form(id, whose, done) {
  const problem = h("p", { class: "failed", role: "alert", hidden: true });
  const word = h("input", { name: "password", type: "password", autocomplete: "new-password", required: true, autofocus: true });
  const button = h("button", { class: "primary", type: "submit" }, t("invitation.accept"));
  async function submit(event) {
    event.preventDefault();
    button.disabled = true;
    try {
      await claim(id, whose.user_id, word.value);
      done();
    } catch (error) {
      replace(problem, explain(error)).hidden = false;
      button.disabled = false;
    }
  }
  return h("form", { class: "card", onsubmit: submit }, h("h1", {}, "Lintel"),
    h("p", { class: "muted" }, t("invitation.hint", { name: whose.user_email || whose.user_id })),
    h("label", {}, h("span", {}, t("password")), word), problem, button);
}
