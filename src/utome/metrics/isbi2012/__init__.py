"""The scores of the ISBI 2012 challenge for outlines in electron micrographs, as its own scripts count them.

White (true) is cell and black is the border between cells. What is measured, and after whom: Arganda-Carreras and
others, "Crowdsourcing the creation of image segmentation algorithms for connectomics", 2015; Jain and others,
"Boundary learning by optimization with topological constraints", 2010. `challenge.isbi2012` is the one call.
"""
