"""The ways to tell people: e-mail, DingTalk, WeCom, a signed webhook."""
