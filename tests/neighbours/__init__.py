"""The nosy neighbour: every door, as everyone who might stand before it, about what is another's."""
