"""httpx and its client."""

import json
import os
import ssl
import sys

import httpx

client = httpx.Client(base_url=os.environ["ORIGIN"], verify=ssl.create_default_context(cafile=os.environ["CA"]))
token, seen = "", []
for step in sys.argv[1:]:
    method, path, *sub = step.split(" ")
    headers = {"Authorization": f"Bearer {token}"} if method == "GET" else {}
    body = {"sub": sub[0]} if sub else None
    response = client.request(method, path, headers=headers, json=body)
    answer = response.json() if response.content else None
    token = (answer or {}).get("access_token", token)
    names = [cookie.name for cookie in client.cookies.jar]
    seen.append({"status": response.status_code, "body": answer, "jar": names})
print(json.dumps({"version": httpx.__version__, "steps": seen}))
