"""Several questions at once, each in a conversation of its own. Needs penstock-client."""

import asyncio

from penstock_client import AsyncPenstock

QUESTIONS = (
    "What was the mean current of WLD001 in the last hour?",
    "What was the highest temperature of WLD002 today?",
    "Which machines are there?",
)


async def answer(penstock: AsyncPenstock, question: str) -> str:
    """Return the whole answer."""
    conversation = await penstock.conversations.create(title=question)
    return (await penstock.conversations.ask(conversation["id"], question).result()).content


async def main() -> None:
    """Ask all, print each answer under its question."""
    async with AsyncPenstock() as penstock:
        answers = await asyncio.gather(*(answer(penstock, question) for question in QUESTIONS))
    for question, text in zip(QUESTIONS, answers, strict=True):
        print(f"{question}\n  {text}\n")


asyncio.run(main())
