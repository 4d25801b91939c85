"""A small welding shop to try the system on: four machines, a day of readings up to now."""
