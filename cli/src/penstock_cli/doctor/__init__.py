"""``penstock doctor``: what this machine and these settings are fit for, before anything is started."""
