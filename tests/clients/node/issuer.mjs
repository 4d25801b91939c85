// A certified OpenID Connect provider (npm: oidc-provider) with its own sign-in pages: issuer.mjs PORT REDIRECT_URI SECRET.
// Its ID tokens name the subject alone, as the specification has it for the code flow: what else is known stands in userinfo.
import Provider from "oidc-provider";

const [port, redirectUri, secret] = process.argv.slice(2);
const people = {
  ann: { preferred_username: "ann", email: "ann@example.com", groups: ["welders"] },
  bob: { preferred_username: "bob", email: "bob@example.com", groups: ["leads"] },
  eve: { preferred_username: "eve", email: "eve@example.com", groups: ["visitors"] },
};
const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{ client_id: "penstock", client_secret: secret, redirect_uris: [redirectUri], grant_types: ["authorization_code"] }],
  claims: { openid: ["sub"], profile: ["preferred_username"], email: ["email"], groups: ["groups"] },
  pkce: { required: () => true },
  cookies: { keys: ["of this process"] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_context, id) => ({ accountId: id, claims: async () => ({ sub: id, ...people[id] }) }),
});
provider.listen(Number(port), "127.0.0.1", () => console.log("listening"));
