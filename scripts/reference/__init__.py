"""Writes docs/reference from the proto files, the models that read files, the errors and the commands."""
