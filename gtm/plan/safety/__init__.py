"""Safety: what automatics may not do, whatever the checks say: one file for each rule, and one that combines them."""
