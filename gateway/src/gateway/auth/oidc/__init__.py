"""Single sign-on with an outside OpenID Connect issuer, beside the users of this system."""
