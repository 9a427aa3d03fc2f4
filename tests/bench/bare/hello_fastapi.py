"""FastAPI, bare."""

from fastapi import FastAPI

app = FastAPI()


@app.get("/")
async def index() -> dict[str, str]:
    """Answer about as long as the emitted index."""
    return {"service": "order-desk", "version": "unreleased"}
