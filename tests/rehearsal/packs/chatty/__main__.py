"""Prints something else where its port is expected."""

import time

print("welcome")
time.sleep(600)
