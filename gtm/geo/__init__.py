"""Where an address is: databases and custom networks in, places and cell maps out; pure."""
