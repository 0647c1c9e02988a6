"""What the tests of the shipped plugins share."""
