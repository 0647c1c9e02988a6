"""What plugins with a FastAPI app and a page share; needs the extra ``web``."""
