"""The way to a remote destination: packs what is sealed, sends what waits."""
