"""Runs where lm-evaluation-harness is: its task manager reads the export, and a dummy answers it.

stdin: {"folder": an export, "tasks": "one,two"}
stdout: {"versions": {…}, "tasks": {name: [[text, choices, target]]}, "scored": {name: [metric]}}
"""

import os

import lm_eval
from answering import answer, versions
from lm_eval.tasks import TaskManager, get_task_dict


def read(asked: dict[str, str]) -> object:
    """Say what is asked, and which metrics come out."""
    os.chdir(asked["folder"])
    manager = TaskManager(include_path=".", include_defaults=False)
    names = asked["tasks"].split(",")
    made = {}
    for name, task in get_task_dict(names, manager).items():
        choices = task.doc_to_choice if task.OUTPUT_TYPE == "multiple_choice" else lambda _: None
        made[name] = [
            [task.doc_to_text(doc), choices(doc), task.doc_to_target(doc)]
            for doc in task.test_docs()
        ]
    done = lm_eval.simple_evaluate(
        model="dummy", tasks=names, task_manager=manager, bootstrap_iters=0
    )
    scored = {name: sorted(found) for name, found in done["results"].items()}
    return {"versions": versions("lm_eval", "transformers"), "tasks": made, "scored": scored}


if __name__ == "__main__":
    answer(read)
