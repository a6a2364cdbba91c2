"""PyJWT, asked by the tests: a JSON object a line, and what became of it."""

import json
import sys

import jwt


def answer(ask):
    header = ask["header"]
    algorithm = header["alg"]
    key = jwt.PyJWK(ask["jwk"], algorithm).key if "jwk" in ask else ask["secret"]
    if "token" in ask:
        return jwt.decode(ask["token"], key, algorithms=[algorithm], audience=ask["audience"], issuer=ask["issuer"])
    others = {name: header[name] for name in header if name != "alg"}
    # `typ`, `alg`, `kid`, as they are issued; sorted, they would be another header.
    return jwt.encode(ask["payload"], key, algorithm, others, sort_headers=ask.get("sorted", False))


for line in sys.stdin:
    print(json.dumps(answer(json.loads(line))), flush=True)
