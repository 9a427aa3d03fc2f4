"""Notes in Flask through psycopg."""

import database
from flask import Flask, request

app = Flask(__name__)


@app.post("/notes")
def create() -> tuple[dict[str, object], int]:
    """Insert one."""
    return database.create(request.json["text"]), 201


@app.get("/notes/<int:number>")
def read(number: int) -> dict[str, object]:
    """Read one."""
    return database.read(number)
