"""A stack as one HTML file: `data` collects its contents, and `document` writes it with the files in `browser/`."""
