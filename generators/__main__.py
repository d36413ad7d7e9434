"""Writes everything that is generated: `make docs`."""

from generators import expected_readers, pages

expected_readers.main()
pages.main()
