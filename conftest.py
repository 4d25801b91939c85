"""The workspace's test set-up: the fixtures of the testkit, for every member."""

pytest_plugins = ["penstock_testkit.plugin"]
