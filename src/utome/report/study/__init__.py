"""The report of a study: a page, tables in five forms, a paragraph of methods, figures."""
