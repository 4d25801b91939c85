"""Reasons about users, keys, tokens and what they may."""

from typing import Final

from penstock_kit.errors.kind import ErrorKind
from penstock_kit.errors.reasons.row import Row, Section

IDENTITY: Final = Section(
    title="Identity",
    rows=(
        Row(
            "CREDENTIALS_REQUIRED",
            (ErrorKind.UNAUTHENTICATED,),
            "no credentials were sent",
            "send `Authorization: Bearer …` or `X-API-Key`",
        ),
        Row(
            "CREDENTIALS_INVALID",
            (ErrorKind.UNAUTHENTICATED,),
            "credentials that do not count: unknown, ended, replaced, of a user who is gone",
            "log in again, or use a key that is valid",
        ),
        Row(
            "TICKET_INVALID",
            (ErrorKind.UNAUTHENTICATED,),
            "a ticket that is unknown, used or older than 30 s",
            "take a new ticket",
        ),
        Row(
            "LOGIN_FAILED",
            (ErrorKind.UNAUTHENTICATED,),
            "wrong name or password",
            "try again; after some failures one has to wait",
        ),
        Row(
            "PASSWORD_LOGIN_UNSUPPORTED",
            (ErrorKind.FAILED_PRECONDITION,),
            "a login with a password where `PENSTOCK_PASSWORD_SIGN_IN` is off",
            "sign in through single sign-on, or use an API key",
        ),
        Row(
            "SINGLE_SIGN_ON_UNSUPPORTED",
            (ErrorKind.FAILED_PRECONDITION,),
            "single sign-on where none is set up",
            "log in with a password; the operator may set `PENSTOCK_OIDC_ISSUER`",
        ),
        Row(
            "SIGN_IN_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a return from the issuer that this browser did not ask for, that is older than ten minutes or used before",
            "begin the sign-in again",
        ),
        Row(
            "SIGN_IN_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "the issuer refused the sign-in, or the user is switched off here",
            "ask who manages the issuer, or your administrator",
        ),
        Row(
            "GROUP_REQUIRED",
            (ErrorKind.PERMISSION_DENIED,),
            "somebody whom the issuer knows is in none of the groups of `PENSTOCK_OIDC_GROUPS_FILE`",
            "be put into one of them, and sign in again",
        ),
        Row(
            "GROUPS_LIMIT_EXCEEDED",
            (ErrorKind.PERMISSION_DENIED,),
            "the issuer left somebody's groups out of its token because they are too many",
            "let the issuer send the groups of this application alone",
        ),
        Row(
            "ID_TOKEN_INVALID",
            (ErrorKind.UNAUTHENTICATED,),
            "the issuer's ID token is not one for this sign-in; the message says why",
            "begin again; if it stays so, compare the settings with the issuer's",
        ),
        Row(
            "ISSUER_UNAVAILABLE",
            (ErrorKind.UNAVAILABLE,),
            "the issuer of single sign-on does not answer in time",
            "try again later, or log in with a password or a key",
        ),
        Row(
            "ISSUER_RESPONSE_INVALID",
            (ErrorKind.BAD_UPSTREAM,),
            "the issuer answers something else than the protocol says; the log tells what",
            "let the operator run `penstock doctor`",
        ),
        Row(
            "REFRESH_TOKEN_INVALID",
            (ErrorKind.UNAUTHENTICATED,),
            "a refresh token that is unknown, used, ended, or older than the password",
            "log in again",
        ),
        Row(
            "ATTEMPTS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many wrong passwords, at a login or a change of the password, or test messages of channels",
            "wait as long as the answer says",
        ),
        Row(
            "API_KEYS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "10,000 API keys in the tenant, or 1,000 of a user who is no administrator",
            "delete some that are not used any more",
        ),
        Row(
            "TENANT_REQUIRED",
            (ErrorKind.INVALID_ARGUMENT,),
            "a login with a name that users of many tenants have",
            "log in as `tenant/name`, or give `tenant_id`",
        ),
        Row(
            "SCOPE_REQUIRED",
            (ErrorKind.PERMISSION_DENIED,),
            "the credentials lack the scope of the route",
            "use credentials with that scope",
        ),
        Row(
            "SCOPE_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a scope that does not exist",
            "the message lists those that do",
        ),
        Row(
            "SCOPE_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "granting a scope that the caller lacks",
            "grant what you have",
        ),
        Row(
            "USER_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "managing a user who may do what the caller may not",
            "let one who may do it",
        ),
        Row(
            "USERS_LIMIT_EXCEEDED",
            (ErrorKind.RESOURCE_EXHAUSTED,),
            "too many users in the tenant",
            "delete some that are not needed any more",
        ),
        Row(
            "USER_EXISTS",
            (ErrorKind.ALREADY_EXISTS,),
            "the username, or one that looks like it, is taken in its tenant",
            "choose another",
        ),
        Row(
            "USER_CONFLICT",
            (ErrorKind.ABORTED,),
            "names for a user of single sign-on were taken by others while the user was made",
            "sign in again",
        ),
        Row(
            "USER_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "`penstock admin reset --user` names somebody who is in several tenants",
            "name the tenant too, as in `acme/ann`",
        ),
        Row(
            "USER_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such user, or one that the caller does not reach; `penstock admin reset --user` names nobody",
            "list the users",
        ),
        Row(
            "OWN_USER_CONFLICT",
            (ErrorKind.FAILED_PRECONDITION,),
            "deleting oneself",
            "let another administrator do it",
        ),
        Row(
            "TENANT_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "naming another tenant without being an operator",
            "leave the tenant out",
        ),
        Row(
            "TENANT_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a tenant's id that is none",
            "the message says what an id is",
        ),
        Row(
            "PASSWORD_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a new password that is short or easy to guess",
            "choose a longer one",
        ),
        Row(
            "CURRENT_PASSWORD_INVALID",
            (ErrorKind.PERMISSION_DENIED,),
            "the current password is not it",
            "give the current password",
        ),
        Row(
            "KEY_NOT_FOUND",
            (ErrorKind.NOT_FOUND,),
            "no such key, or one that the caller does not reach",
            "list the keys",
        ),
        Row(
            "KEY_CREATION_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "a key that is no administrator's makes a key or rotates another",
            "log in, or use an administrator's key",
        ),
        Row(
            "KEY_SECRET_EXPIRED",
            (ErrorKind.PERMISSION_DENIED,),
            "a replaced secret, in its grace, changes keys or users",
            "use the key's new secret",
        ),
        Row(
            "KEY_LIMITS_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "a key with a policy or a budget makes or changes what would escape them",
            "use credentials without limits",
        ),
        Row(
            "KEY_CONFLICT",
            (ErrorKind.ABORTED,),
            "a key was rotated or deleted while it was being rotated",
            "read the key and try again",
        ),
        Row(
            "PASSWORD_CONFLICT",
            (ErrorKind.ABORTED,),
            "the password was changed by another request while it was being changed",
            "log in with the password that counts now",
        ),
        Row(
            "EXPIRE_TIME_DENIED",
            (ErrorKind.PERMISSION_DENIED,),
            "a key with an end makes or rotates what would live longer",
            "give an earlier end",
        ),
        Row(
            "EXPIRE_TIME_INVALID",
            (ErrorKind.INVALID_ARGUMENT,),
            "a key's end that is past",
            "give a time to come",
        ),
        Row(
            "ADMIN_REQUIRED",
            (ErrorKind.PERMISSION_DENIED,),
            "it concerns the whole tenant, the caller is no administrator",
            "ask an administrator",
        ),
        Row(
            "OPERATOR_REQUIRED",
            (ErrorKind.PERMISSION_DENIED,),
            "it concerns every tenant, the caller is no operator",
            "ask the operator",
        ),
    ),
)
