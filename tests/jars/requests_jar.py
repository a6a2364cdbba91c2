"""requests and its session."""

import json
import os
import sys

import requests

session = requests.Session()
session.verify = os.environ["CA"]
token, seen = "", []
for step in sys.argv[1:]:
    method, path, *sub = step.split(" ")
    headers = {"Authorization": f"Bearer {token}"} if method == "GET" else {}
    body = {"sub": sub[0]} if sub else None
    response = session.request(method, os.environ["ORIGIN"] + path, headers=headers, json=body)
    answer = response.json() if response.content else None
    token = (answer or {}).get("access_token", token)
    names = [cookie.name for cookie in session.cookies]
    seen.append({"status": response.status_code, "body": answer, "jar": names})
print(json.dumps({"version": requests.__version__, "steps": seen}))
