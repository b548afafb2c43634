"""The functions of the namespace, in files named by the standard's chapters."""
