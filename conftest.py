"""The workspace's test set-up: the fixtures of the testkit, for every member."""

# pytest names test modules after their folders, and would take the folder gateway for the package
# of that name unless the package is there first.
import gateway  # noqa: F401

pytest_plugins = ["penstock_testkit.plugin"]
