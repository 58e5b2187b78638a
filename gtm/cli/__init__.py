"""What an operator types: the command `gtm`, one file per subcommand."""
