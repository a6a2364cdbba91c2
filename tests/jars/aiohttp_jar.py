"""aiohttp and its session."""

import asyncio
import json
import os
import ssl
import sys

import aiohttp


async def main():
    connector = aiohttp.TCPConnector(ssl=ssl.create_default_context(cafile=os.environ["CA"]))
    origin = os.environ["ORIGIN"]
    # From a host without a name it takes no cookies otherwise.
    jar = aiohttp.CookieJar(unsafe="//127.0.0.1" in origin)
    token, seen = "", []
    async with aiohttp.ClientSession(origin, cookie_jar=jar, connector=connector, trust_env=True) as session:
        for step in sys.argv[1:]:
            method, path, *sub = step.split(" ")
            headers = {"Authorization": f"Bearer {token}"} if method == "GET" else {}
            body = {"sub": sub[0]} if sub else None
            async with session.request(method, path, headers=headers, json=body) as response:
                answer = json.loads(await response.text() or "null")
            token = (answer or {}).get("access_token", token)
            names = [cookie.key for cookie in session.cookie_jar]
            seen.append({"status": response.status, "body": answer, "jar": names})
    print(json.dumps({"version": aiohttp.__version__, "steps": seen}))


asyncio.run(main())
