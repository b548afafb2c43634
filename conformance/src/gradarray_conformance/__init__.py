"""A conformance suite for backends of gradarray."""
