"""Several gateways on one machine behind one port: what they tell each other, through a folder that they share."""
