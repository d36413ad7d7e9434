"""Parking and unparking a platform whose workloads this program creates."""
