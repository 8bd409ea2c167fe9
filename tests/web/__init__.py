"""The page in a real browser, and the WebSocket that it talks over."""
