"""The command ``iph-rt``: one thin file for each command."""
