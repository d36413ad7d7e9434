"""The parts of the platform: typed settings, the catalogue, names, and one component per file."""
