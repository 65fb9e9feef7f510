"""The live table: who talks to whom right now, and how many bytes went each way."""
