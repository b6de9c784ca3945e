"""The specification of utome, as tests."""
