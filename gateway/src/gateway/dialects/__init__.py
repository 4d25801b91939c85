"""The protocols of the model routes below ``/v1``: one room for each, none of which knows another."""
