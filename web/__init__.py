"""The page's files: served from here by the HTTP gateway, in a checkout and from a wheel."""
