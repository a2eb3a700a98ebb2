"""Runs in the peers' environment: what llama.cpp answers, greedily, to user's turns.

stdin: {"model": path, "turns": [text], "max_tokens": n}    stdout: [text]
"""

import json
import sys

import xllamacpp


def main() -> None:
    """Answer every turn in a conversation of its own."""
    asked = json.load(sys.stdin)
    params = xllamacpp.CommonParams()
    params.model.path = asked["model"]
    params.n_ctx = 4096
    params.n_parallel = 1
    server = xllamacpp.Server(params)
    answers = []
    for turn in asked["turns"]:
        said = server.handle_chat_completions(
            {
                "messages": [{"role": "user", "content": turn}],
                "max_tokens": asked["max_tokens"],
                "temperature": 0,
                "top_k": 1,
                "cache_prompt": False,
            }
        )
        answers.append(said["choices"][0]["message"]["content"])
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
