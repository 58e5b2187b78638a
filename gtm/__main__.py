"""`python -m gtm` is the command `gtm`."""

from gtm.cli.app import main

if __name__ == "__main__":
    main()
