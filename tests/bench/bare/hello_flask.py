"""Flask, bare."""

from flask import Flask

app = Flask(__name__)


@app.get("/")
def index() -> dict[str, str]:
    """Answer about as long as the emitted index."""
    return {"service": "order-desk", "version": "unreleased"}
