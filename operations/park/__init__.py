"""Parking and unparking a platform whose workloads are made here."""
