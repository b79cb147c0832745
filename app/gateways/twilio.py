"""Twilio's Programmable Messaging, through the vendor's client. One attempt, a time limit, no retries of our own.

References
----------
Twilio API 2010-04-01, Message resource; error dictionary at twilio.com/docs/api/errors.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.request_validator import RequestValidator
from twilio.rest import Client


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
    """What came back: a message SID, an error code, or neither when the fate is unknown."""

    sid: str | None = None
    code: int | None = None
    http_status: int | None = None


class TwilioGateway:
    """Sends text messages and checks the signature of callbacks."""

    def __init__(self, account: TwilioAccount) -> None:
        self._account = account

    def create_message(self, *, to: str, body: str, callback_url: str) -> Answer:
        """Create a message; an exception of the network means that nobody knows whether it was created."""
        options: dict[str, Any] = {"to": to, "body": body, "status_callback": callback_url}
        if self._account.messaging_service_sid:
            options["messaging_service_sid"] = self._account.messaging_service_sid
        else:
            options["from_"] = self._account.sender
        if self._account.obfuscate_addresses:
            options["address_retention"] = "obfuscate"
        try:
            message = self._client().messages.create(**options)
        except TwilioRestException as error:
            return Answer(code=error.code or None, http_status=error.status)
        except requests.ConnectTimeout:
            return Answer(http_status=503)
        except (requests.RequestException, TwilioException, ValueError, KeyError):
            return Answer()
        return Answer(sid=message.sid)

    def signature_is_valid(self, url: str, form: Any, headers: Mapping[str, str]) -> bool:
        """Check `X-Twilio-Signature` over the public URL and every form field, known or not."""
        validator = RequestValidator(self._account.auth_token())
        signature = headers.get("X-Twilio-Signature", "")
        return bool(signature) and bool(validator.validate(url, form, signature))

    def _client(self) -> Client:
        account = self._account
        http = TwilioHttpClient(timeout=account.timeout_seconds, max_retries=0)
        client = Client(account.account_sid, account.auth_token(), http_client=http)
        if account.base_url:
            client.api.base_url = account.base_url
        return client
