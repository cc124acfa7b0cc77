"""The HTTP side: a picture in, JSON out; how it goes, for machines and for people."""

import asyncio
import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from socket import socket
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from src.serve.access import Access
from src.serve.desk import HTTP, Closed, Desk, Failed, Job
from src.serve.examiner import Finding
from src.serve.gate import Gate
from src.serve.telemetry import TYPE, Telemetry
from src.utils import UserError, shown

PATIENCE = 60.0  # seconds for which a client may take to send a picture
GRACE = 5  # seconds that answers have for leaving at the end
MULTIPART = "send the picture alone as the body: curl --data-binary @a.png"


class Web:
    """The server; it runs in a thread of its own and leaves all judging to the desk's.

    Args:
        bound: where it listens.
        desk: takes the pictures.
        limit: bytes that a picture may have.
        most: requests that are in work or wait at a time.
        health: says how it goes, and whether that is well.
        page: gives the page of the last pictures.
    """

    def __init__(
        self,
        bound: socket,
        access: Access,
        desk: Desk,
        telemetry: Telemetry,
        limit: int,
        most: int,
        health: Callable[[], tuple[bool, dict[str, Any]]],
        page: Callable[[], str],
    ):
        self._desk, self._telemetry, self._limit, self._most = desk, telemetry, limit, most
        self._health, self._page = health, page
        self._admitted, self._seconds = 0, 0.1  # requests in work or waiting; what one takes, about
        routes = [
            Route("/", self._show_or_judge, methods=["GET", "POST"]),
            Route("/predict", self._judge, methods=["POST"]),
            Route("/health", self._tell_health, methods=["GET"]),
            Route("/metrics", self._count, methods=["GET"]),
        ]
        app = Starlette(routes=routes, exception_handlers={HTTPException: _as_json, Exception: _failed})
        config = uvicorn.Config(
            Gate(app, access, telemetry),
            http="h11",
            ws="none",
            loop="asyncio",
            lifespan="off",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=GRACE,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([bound],), name="http", daemon=True)

    def start(self) -> None:
        """Begin to answer."""
        self._thread.start()

    @property
    def runs(self) -> bool:
        """Whether it still answers."""
        return self._thread.is_alive()

    def stop(self) -> None:
        """Send what is ready, and end; the desk must be closed by now."""
        self._server.should_exit = True
        self._thread.join(GRACE + 2)

    async def _show_or_judge(self, request: Request) -> Response:
        if request.method == "POST":
            return await self._judge(request)
        return HTMLResponse(await run_in_threadpool(self._page))  # drawing takes its time

    async def _judge(self, request: Request) -> Response:
        """Judge the picture that is the request's body; `?name=` is what the answer has as its file."""
        if request.headers.get("content-type", "").lower().startswith("multipart/"):
            raise HTTPException(415, MULTIPART)
        if self._admitted >= self._most:
            raise self._busy(f"{self._most} requests are waiting; come again")
        self._admit(+1)
        try:
            started = time.monotonic()
            name = request.query_params.get("name")
            future: Future[Finding] = Future()
            body = await self._body(request)
            self._desk.put(Job(HTTP, body, name or "in the request", name, lambda found: _set(future, found)))
            del body  # the job's, which is gone when it is done
            found = await asyncio.wrap_future(future)
            waited = (time.monotonic() - started) / self._admitted
            self._seconds += 0.1 * (waited - self._seconds)
            return JSONResponse(found.prediction.to_json())
        except UserError as error:
            raise HTTPException(422, str(error)) from error
        except Failed as error:
            raise HTTPException(500, str(error)) from error
        except Closed as error:
            raise self._busy("the server is ending") from error
        except ClientDisconnect:
            return Response(status_code=400)  # nobody reads it
        finally:
            self._admit(-1)

    async def _body(self, request: Request) -> bytes:
        """The request's body, of which no more is read than the limit."""
        length = request.headers.get("content-length", "")
        if length.isdigit() and int(length) > self._limit:
            raise self._too_large()

        async def read() -> bytes:
            content = bytearray()
            async for piece in request.stream():
                content += piece
                if len(content) > self._limit:
                    raise self._too_large()
            return bytes(content)

        try:
            return await asyncio.wait_for(read(), PATIENCE)
        except asyncio.TimeoutError as error:
            raise HTTPException(408, f"the picture did not come within {PATIENCE:.0f} seconds") from error

    def _too_large(self) -> HTTPException:
        return HTTPException(413, f"a picture may have {self._limit / 1e6:g} MB (--max_request_mb)")

    def _busy(self, reason: str) -> HTTPException:
        seconds = max(1, math.ceil(self._admitted * self._seconds))
        return HTTPException(503, reason, headers={"Retry-After": str(seconds)})

    def _admit(self, change: int) -> None:
        self._admitted += change
        self._telemetry.waits(self._admitted)

    async def _tell_health(self, _: Request) -> Response:
        well, said = self._health()
        return JSONResponse(said, 200 if well else 503)

    async def _count(self, _: Request) -> Response:
        return Response(self._telemetry.text(), headers={"content-type": TYPE})


def _set(future: Future, found: Finding | Exception) -> None:
    """Pass on what was found, unless nobody waits for it any more."""
    if future.set_running_or_notify_cancel():
        if isinstance(found, Exception):
            future.set_exception(found)
        else:
            future.set_result(found)


def _as_json(_: Request, error: HTTPException) -> Response:
    return JSONResponse({"error": shown(error.detail)}, error.status_code, headers=error.headers)


def _failed(_: Request, error: Exception) -> Response:
    """The answer to a mistake of ours, which the server's log tells."""
    return JSONResponse({"error": f"the server failed: {type(error).__name__}; its log says more"}, 500)
