"""Everything the test asks of openai for Python, in one run: JSON on stdout, one line a case. Usage: openai_client.py <url> <key> <fixture JSON>"""
import asyncio
import json
import sys

import openai
from openai import AsyncOpenAI, OpenAI
from pydantic import BaseModel
from typing import Literal

url, key, fixture = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
client = OpenAI(base_url=url + "/v1", api_key=key, max_retries=0)
flash = fixture["model"]
ask = {"model": flash, "temperature": 0, "reasoning_effort": "none", "messages": [{"role": "user", "content": fixture["question"]}]}
thinking = {**ask, "reasoning_effort": "high"}
tool = {"type": "function", "function": fixture["tool"]}
forced = {**ask, "messages": [{"role": "user", "content": fixture["toolQuestion"]}], "tools": [tool], "tool_choice": {"type": "function", "function": {"name": fixture["tool"]["name"]}}}


class Place(BaseModel):
    city: str
    size: Literal["small", "large"]


def say(case, **facts):
    print(json.dumps({"case": case, **facts}), flush=True)


def refusal(case, call):
    try:
        call()
        say(case, error=None)
    except openai.APIStatusError as error:
        say(case, error=type(error).__name__, status=error.status_code, code=error.code, request_id=error.request_id)


say("version", version=openai.__version__)

whole = client.chat.completions.create(**ask)
say("plain", content=whole.choices[0].message.content, finish=whole.choices[0].finish_reason, request_id=whole._request_id, total=whole.usage.total_tokens)
thought = client.chat.completions.create(**thinking).choices[0].message
with client.chat.completions.stream(**thinking, stream_options={"include_usage": True}) as stream:
    stream.until_done()
    final = stream.get_final_completion()
say("streamed", reasoning=thought.reasoning_content, streamed_reasoning=final.choices[0].message.reasoning_content, content=thought.content, streamed_content=final.choices[0].message.content, total=final.usage.total_tokens)

call = client.chat.completions.create(**forced).choices[0].message.tool_calls[0]
with client.chat.completions.stream(**forced) as stream:
    stream.until_done()
    streamed = stream.get_final_completion().choices[0].message.tool_calls[0]
say("tools", name=call.function.name, arguments=json.loads(call.function.arguments), streamed=streamed.function.arguments == call.function.arguments)
turn = [*forced["messages"], {"role": "assistant", "content": None, "tool_calls": [call.model_dump()]}, {"role": "tool", "tool_call_id": call.id, "content": fixture["toolResult"]}]
say("tool result", finish=client.chat.completions.create(**{**thinking, "messages": turn, "tools": [tool]}, tool_choice="none").choices[0].finish_reason)

question = [{"role": "user", "content": fixture["placeQuestion"]}]
parsed = client.chat.completions.parse(**{**ask, "messages": question}, max_tokens=300, response_format=Place).choices[0].message.parsed
response = client.responses.parse(model=flash, input=fixture["placeQuestion"], max_output_tokens=300, temperature=0, reasoning={"effort": "none"}, text_format=Place)
say("structured", chat=isinstance(parsed, Place), responses=isinstance(response.output_parsed, Place))

plain = client.responses.create(model=flash, input=fixture["question"], temperature=0, reasoning={"effort": "none"})
with client.responses.stream(model=flash, input=fixture["question"], temperature=0, reasoning={"effort": "none"}) as stream:
    stream.until_done()
    say("responses", content=plain.output_text, streamed_content=stream.get_final_response().output_text)

say("models", known=flash in [model.id for model in client.models.list()])
uploaded = client.files.create(purpose="batch", file=("in.jsonl", json.dumps({"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": ask}).encode()))
batch = client.batches.create(input_file_id=uploaded.id, endpoint="/v1/chat/completions", completion_window="24h")
say("batch", status=client.batches.retrieve(batch.id).status, listed=batch.id in [one.id for one in client.batches.list()])

refusal("wrong key", lambda: OpenAI(base_url=url + "/v1", api_key="wrong", max_retries=0).chat.completions.create(**ask))
refusal("unknown model", lambda: client.chat.completions.create(**{**ask, "model": "gpt-0"}))
refusal("wrong type", lambda: client.chat.completions.create(**{**ask, "temperature": "hot"}))
refusal("no such thing", lambda: client.embeddings.create(model=flash, input="x"))
refusal("too long", lambda: client.chat.completions.create(**{**ask, "messages": [{"role": "user", "content": "The capital of France is Paris. " * 1500}]}))

with client.chat.completions.create(**ask, stream=True, max_tokens=8000, extra_body={"min_tokens": 6000}) as stream:
    for chunk in stream:
        if chunk.choices[0].delta.content:
            break
say("abort", content=chunk.choices[0].delta.content)


async def concurrently():
    async with AsyncOpenAI(base_url=url + "/v1", api_key=key, max_retries=0) as several:
        answers = await asyncio.gather(*[several.chat.completions.create(**ask) for _ in range(3)])
        say("async", contents=[answer.choices[0].message.content for answer in answers])


asyncio.run(concurrently())
