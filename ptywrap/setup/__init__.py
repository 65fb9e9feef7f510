"""What changes this machine's set-up, and takes the change back."""
