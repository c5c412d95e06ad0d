"""The library over HTTP, and the page that a browser shows; needs the extra ``server``."""
