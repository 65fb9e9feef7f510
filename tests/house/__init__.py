"""The rules of the house, each a function of a source root that returns one line per breach."""
