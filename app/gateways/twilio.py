"""Twilio's Programmable Messaging, through the vendor's client. One attempt, a time limit, no retries of our own.

References
----------
Twilio API 2010-04-01, Message resource; error dictionary at twilio.com/docs/api/errors.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientConnectorError, ClientSession, ClientTimeout, ConnectionTimeoutError, encode_basic_auth
from twilio.base.exceptions import TwilioRestException, TwilioServiceException
from twilio.http import AsyncHttpClient
from twilio.http.response import Response
from twilio.request_validator import RequestValidator
from twilio.rest import Client

_LONGEST_PAUSE = 86_400


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """The account and how to reach it; `base_url` is empty for Twilio itself."""

    account_sid: str
    auth_token_file: Path
    messaging_service_sid: str
    sender: str
    base_url: str
    timeout_seconds: int
    obfuscate_addresses: bool

    def auth_token(self) -> str:
        """Read the token from its file, so that it is in no environment and can be changed while running."""
        return self.auth_token_file.read_text().strip()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: a message SID, an error code, or neither when the fate is unknown.

    `retry_after` is what the carrier asked for, in seconds; `reached` is False when the request did not leave, so
    that nothing can have been created.
    """

    sid: str | None = None
    code: int | None = None
    http_status: int | None = None
    retry_after: int = 0
    reached: bool = True


class TwilioGateway:
    """Sends text messages and checks the signature of callbacks."""

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    def create_message(self, *, to: str, body: str, callback_url: str) -> Answer:
        """Create a message; an answer that says nothing means that nobody knows whether it was created."""
        options: dict[str, Any] = {"to": to, "body": body, "status_callback": callback_url}
        if self._account.messaging_service_sid:
            options["messaging_service_sid"] = self._account.messaging_service_sid
        else:
            options["from_"] = self._account.sender
        if self._account.obfuscate_addresses:
            options["address_retention"] = "obfuscate"
        return asyncio.run(self._exchange(options))

    async def _exchange(self, options: dict[str, Any]) -> Answer:
        # The limit of a read starts anew with every byte; that of the whole exchange ends an answer that has no end.
        seconds = self._account.timeout_seconds
        timeout = ClientTimeout(sock_connect=seconds, sock_read=seconds, total=2 * seconds)
        async with ClientSession(timeout=timeout, trust_env=True) as session:
            http = _OneExchange(session)
            try:
                client = self._client(http)
            except OSError:  # the token's file cannot be read: nothing leaves here
                return Answer(reached=False)
            try:
                message = await client.messages.create_async(**options)
            except (TwilioRestException, TwilioServiceException) as error:
                own_code = isinstance(error.code, int) and error.code not in {0, error.status}
                return Answer(
                    code=error.code if own_code else None, http_status=error.status, retry_after=http.retry_after
                )
            except (ClientConnectorError, ConnectionTimeoutError):
                return Answer(reached=False)
            except Exception:  # noqa: BLE001  whatever the vendor's client trips over: nobody knows what became of it
                return Answer()
        return Answer(sid=message.sid)

    def signature_is_valid(self, url: str, form: Any, headers: Mapping[str, str]) -> bool:
        """Check `X-Twilio-Signature` over the public URL and every form field, known or not."""
        validator = RequestValidator(self._account.auth_token())
        signature = headers.get("X-Twilio-Signature", "")
        return bool(signature) and bool(validator.validate(url, form, signature))

    def _client(self, http: "_OneExchange") -> Client:
        account = self._account
        client = Client(account.account_sid, account.auth_token(), http_client=http)
        if account.base_url:
            client.api.base_url = account.base_url
        return client


class _OneExchange(AsyncHttpClient):  # type: ignore[misc]  # twilio ships without types
    """How the vendor's client reaches the network: through a session of ours, which keeps its limits and no redirects.

    `retry_after` is what the vendor's errors throw away: the pause that the carrier asked for.
    """

    def __init__(self, session: ClientSession) -> None:
        super().__init__(None, is_async=True)
        self._session = session
        self.retry_after = 0

    async def request(self, method: str, url: str, **given: Any) -> Response:
        headers = {**given["headers"], "Authorization": encode_basic_auth(*given["auth"])}
        sent = self._session.request(method, url, data=given["data"], headers=headers, allow_redirects=False)
        async with sent as answer:
            self.retry_after = _seconds_to_wait(answer.headers)
            return Response(answer.status, str(await answer.read(), "utf-8", "replace"), answer.headers)


def _seconds_to_wait(headers: Mapping[str, str]) -> int:
    """Read `Retry-After`, seconds or a date (RFC 9110 10.2.3); 0 when there is none, at most a day."""
    text = headers.get("Retry-After", "")
    if text.isascii() and text.isdecimal():
        return min(int(text[:6]), _LONGEST_PAUSE)
    try:
        wait = parsedate_to_datetime(text) - parsedate_to_datetime(headers.get("Date", ""))
    except (ValueError, TypeError):
        return 0
    return min(max(int(wait.total_seconds()), 0), _LONGEST_PAUSE)
