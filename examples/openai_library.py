"""OpenAI's own library with another base URL. Needs openai."""

import os

from openai import OpenAI

client = OpenAI(
    base_url=os.environ.get("PENSTOCK_URL", "http://127.0.0.1:8000") + "/v1", api_key=os.environ["PENSTOCK_API_KEY"]
)
stream = client.chat.completions.create(
    model="fallback/rules", stream=True, messages=[{"role": "user", "content": "Which models can I use here?"}]
)
for chunk in stream:
    print(chunk.choices[0].delta.content or "", end="")
print()
