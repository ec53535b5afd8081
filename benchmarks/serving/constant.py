"""The yardstick: a FastAPI service with one constant answer."""

from __future__ import annotations

from fastapi import FastAPI

app = FastAPI()


@app.get("/healthz")
async def alive() -> dict[str, str]:
    return {"status": "ok"}


@app.post("/v1/scores")
async def constant() -> dict[str, str]:
    return {"status": "ok"}
