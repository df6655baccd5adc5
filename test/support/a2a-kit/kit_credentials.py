"""
Plugin of pytest for the A2A compatibility kit, which knows no credentials: gives it one, but in the tests that are about
calls without any, or with a wrong one. How to run the kit with it: docs/a2a.md.

TOKEN    what is sent as the bearer.
VERSION  the A2A-Version of every request, if any.
AGENT    an agent's id: the kit for 0.3 is led to its addresses, and each message's id is added to its text, since the kit
         tells its agent what to do by that id and agents are told texts alone.
"""

import json
import os
import re

import httpx
import pytest
import requests

anonymous = re.compile("auth_enforcement|without_auth|authentication_required|authentication_scheme|access_control")
headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}
if "VERSION" in os.environ:
    headers["A2A-Version"] = os.environ["VERSION"]
agent = os.environ.get("AGENT")
given = dict(headers)


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    given.clear()
    if not anonymous.search(item.nodeid):
        given.update(headers)


def address(url):
    own = f"/a2a/agents/{agent}"
    for path, instead in ((r"/\.well-known/", f"{own}/.well-known/"), (r"/a2a/?$", own), (r"/v1/", f"{own}/rest/v1/")):
        url = re.sub(rf"^(https?://[^/]+){path}", rf"\g<1>{instead}", url)
    return url


def name(value):
    if isinstance(value, list):
        for one in value:
            name(one)
    if isinstance(value, dict):
        parts = value.get("parts")
        if isinstance(value.get("messageId"), str) and isinstance(parts, list):
            has_kinds = bool(parts) and isinstance(parts[0], dict) and "kind" in parts[0]
            parts.append({"text": value["messageId"], **({"kind": "text"} if has_kinds else {})})
        for one in value.values():
            name(one)


def named(body):
    try:
        value = json.loads(body)
    except ValueError:
        return body
    name(value)
    return json.dumps(value).encode()


def for_agent(request):
    """The request as the agent is to get it."""
    if isinstance(request, requests.PreparedRequest):
        request.url = address(request.url)
        if request.body:
            request.prepare_body(named(request.body), None)
        return request
    body = request.read()
    kept = [(key, value) for key, value in request.headers.items() if key.lower() != "content-length"]
    url = address(str(request.url))
    return httpx.Request(
        request.method, url, headers=kept, content=named(body) if body else body, extensions=request.extensions
    )


def giving(send):
    def given_send(self, request, **more):
        for key, value in given.items():
            request.headers.setdefault(key, value)
        return send(self, for_agent(request) if agent else request, **more)

    return given_send


for client in (httpx.Client, httpx.AsyncClient, requests.Session):
    client.send = giving(client.send)
