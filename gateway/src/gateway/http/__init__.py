"""What every HTTP route needs: bodies, JSON, problems, time limits, and clients that disconnect."""
