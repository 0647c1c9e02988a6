"""Catalogues: signed lists of plugins that anyone may host as static files.

A catalogue says which plugins there are, in which versions, and how to install them. It makes
nothing trusted: what is installed from it is judged by the policy as any other plugin is.
"""
