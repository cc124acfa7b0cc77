"""What every request passes: who may ask, what is counted, and what every answer has."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from src.serve.access import Access
from src.serve.telemetry import Telemetry

HEADERS = ((b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff"))  # of every answer


class Gate:
    """Lets requests through to an application."""

    def __init__(self, app: ASGIApp, access: Access, telemetry: Telemetry):
        self._app, self._access, self._telemetry = app, access, telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._telemetry.answered(message["status"])
                message["headers"] = [*message.get("headers", []), *HEADERS]
            await send(message)

        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        app, refused = self._app, self._access.refuses(headers)
        if refused:
            status, reason = refused
            app = JSONResponse({"error": reason}, status, {"WWW-Authenticate": "Bearer"} if status == 401 else None)
        await app(scope, receive, answer)
