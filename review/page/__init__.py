"""A stack as one HTML file: `data` collects what is on it, and `document` writes it with what `browser/` has."""
