// Who is logged in.
import { get, post, setCsrf } from "./api.js";

// role: LiteLLM's ("proxy_admin", "internal_user" …), empty when nobody is; login: false where the gateway asks nobody
// for a key; warning: what the gateway has to say about the login itself.
export const session = { user: "", role: "", login: true, warning: "" };

export const isAdmin = () => session.role === "proxy_admin";
export const seesAll = () => isAdmin() || session.role === "proxy_admin_viewer";

function be(answer) {
  setCsrf(answer.csrf_token);
  session.user = answer.user_id || "";
  session.role = answer.user_role || "";
  session.login = answer.login_needed !== false;
  session.warning = answer.warning || "";
}

export async function resume() {
  try {
    be(await get("ui/session"));
  } catch (error) {
    if (error.status !== 401) throw error;
    be({});
  }
}

export async function logIn(username, password) {
  be(await post("v2/login", { username, password }));
}

export async function claim(invitation_link, user_id, password) {
  be(await post("onboarding/claim_token", { invitation_link, user_id, password }));
}

export async function logOut() {
  await post("ui/logout");
  be({});
}
