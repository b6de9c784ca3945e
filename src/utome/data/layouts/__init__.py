"""Layouts of folders: how each kind of data set is recognised and read, one file a layout."""
