// Signing in through the issuer of single sign-on: the button that leads there, and what the way back brings.
import { loginFromIssuer, signInMethods } from "./api.js";

const DONE = "#signed-in";
const FAILED = "#sign-in-failed=";
const TOLD = ["SIGN_IN_INVALID", "SIGN_IN_DENIED", "GROUP_REQUIRED", "GROUPS_LIMIT_EXCEEDED", "USERS_LIMIT_EXCEEDED", "ISSUER_UNAVAILABLE"];

let asked = null;
const methods = () => (asked ??= signInMethods().catch(() => { asked = null; return { password: true, single_sign_on: null }; }));

// Takes up what the address says of a sign-in, and cleans it. Returns the reason of a failure, else nothing.
export async function takeUpSignIn() {
  const { hash } = location;
  if (hash !== DONE && !hash.startsWith(FAILED)) return "";
  history.replaceState(null, "", location.pathname);
  if (hash.startsWith(FAILED)) return hash.slice(FAILED.length);
  try {
    await loginFromIssuer();
    return "";
  } catch (error) {
    return error.reason || "ISSUER_UNAVAILABLE";
  }
}

// Shows the button where there is an issuer, and calls `withoutPassword` where passwords do not count.
export async function offerSingleSignOn(button, word, withoutPassword) {
  const { password, single_sign_on: issuer } = await methods();
  button.parentElement.hidden = !issuer;
  if (issuer) {
    button.href = `${issuer.start_url}?return_to=${encodeURIComponent(location.pathname)}`;
    button.textContent = word("sign_in_with").replace("%", () => issuer.label);
  }
  if (!password) withoutPassword();
}

// A failure in words; a reason that nobody here knows may be anybody's text.
export const whyNot = (reason, word) => (reason ? word("sign_in_failures")[TOLD.includes(reason) ? reason : "OTHER"] : "");
