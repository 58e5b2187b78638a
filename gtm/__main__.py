"""`python -m gtm` is the command `gtm`."""

from gtm.cli.app import run

if __name__ == "__main__":
    run()
