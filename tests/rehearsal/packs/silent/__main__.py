"""Never says where it listens."""

import time

time.sleep(600)
