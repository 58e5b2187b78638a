"""`gtm demo`: three toy regions, three probes and a DNS node on the loopback, and a way to break the regions."""

from gtm.cli.demo.app import demo_app as demo_app
