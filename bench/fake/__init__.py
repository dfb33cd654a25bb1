"""Both providers at their wire, as cheaply as Python can: so that what is measured is not the measuring.

Nothing else may use it: it keeps every answer good. What goes wrong is the sandbox's business.
"""
