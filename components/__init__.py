"""The components of the stack, one per file, and what they share: settings, catalogue, names, documents."""

from components import sdk_on_demand

sdk_on_demand.install()  # before any component imports an SDK
