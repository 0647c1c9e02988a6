import { api } from "../api.js";
import { button, h } from "../dom.js";

export function create({ signedIn }) {
  const field = h("input.input", {
    id: "token",
    type: "password",
    name: "token",
    autocomplete: "current-password",
    required: true,
    "aria-describedby": "login-error",
  });
  const error = h("p.error-text", { id: "login-error", role: "alert", hidden: true });
  const submit = button("Sign in", { kind: "primary", type: "submit" });
  const form = h("form", { onsubmit: signIn }, h("div.field", h("label", { for: "token" }, "Token"), field, error), submit);

  async function signIn(event) {
    event.preventDefault();
    submit.disabled = true;
    error.hidden = true;
    try {
      await api.signIn(field.value);
      await signedIn();
    } catch (problem) {
      error.textContent = problem.status === 401 ? "This token is not known." : problem.message;
      error.hidden = false;
      field.setAttribute("aria-invalid", "true");
      field.focus();
    } finally {
      submit.disabled = false;
    }
  }

  // Beside the token only where a provider is set up.
  const other = h("p.actions", { hidden: true });
  api.waysToSignIn().then(({ provider, url }) => {
    if (!url) return;
    other.append(h("a.button", { href: url }, `Sign in with ${provider}`));
    other.hidden = false;
  }, () => {});

  const brand = h("div.brand", h("img", { src: "/static/icon.svg", alt: "" }), h("span", "Plugway"));
  const help = h(
    "p.muted.small",
    "An administrator makes tokens. The first one is in the file ",
    h("code", "admin.token"),
    " of the gateway's home directory. Easier: run ",
    h("code", "plugway token"),
    " there and open the link it prints; it signs you in once.",
  );
  return {
    node: h("div.login", h("div.panel", brand, h("h1", "Sign in"), other, form, help)),
    title: () => "Sign in",
  };
}
