"""Runs in llama.cpp's environment: its own OpenAI-compatible server, until it is killed.

python peer_llamacpp.py GGUF PORT WINDOW       the key comes from SERVER_KEY
"""

import os
import sys
import threading

import xllamacpp


def main() -> None:
    """Serve the model."""
    file, port, window = sys.argv[1:]
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.port = int(port)
    params.n_ctx = int(window)
    params.n_parallel = 1
    params.cpuparams.n_threads = 1  # more of them wait for each other on a busy machine
    params.cpuparams_batch.n_threads = 1
    params.api_keys = [os.environ["SERVER_KEY"]]
    server = xllamacpp.Server(params)
    assert server.listening_address
    threading.Event().wait()


if __name__ == "__main__":
    main()
