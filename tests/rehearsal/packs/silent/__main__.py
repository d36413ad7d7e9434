"""Never prints its port."""

import time

time.sleep(600)
