"""A service in Python that accepts the same tokens: `JWKS_URL=http://127.0.0.1:4000/.well-known/jwks.json python service.py`."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import jwt

keys = jwt.PyJWKClient(os.environ["JWKS_URL"])
expected = {
    "algorithms": ["EdDSA", "ES256", "RS256"],
    "issuer": "https://auth.example.com",
    "audience": "https://api.example.com",
    "options": {"require": ["sub", "sid", "auth_time", "iat", "exp", "iss", "aud"]},
}


def verify(token):
    key = keys.get_signing_key_from_jwt(token)
    verified = jwt.decode_complete(token, key, **expected)
    if verified["header"].get("typ") != "at+jwt":
        raise jwt.InvalidTokenError("another kind of token")
    return verified["payload"]


class Service(BaseHTTPRequestHandler):
    def do_GET(self):
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        try:
            if scheme.lower() != "bearer":
                raise jwt.InvalidTokenError("no token")
            self.answer(200, json.dumps(verify(token.strip())).encode())
        except jwt.PyJWTError:
            self.answer(401, b"")

    def answer(self, status, body):
        self.send_response(status)
        if status == 401:
            self.send_header("WWW-Authenticate", 'Bearer error="invalid_token"')
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", 4004))), Service)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
