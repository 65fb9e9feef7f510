"""From addresses to hosts: parsers of what names a host, and the book of what they found."""
