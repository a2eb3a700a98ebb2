"""What does each trainer read? One file for each family of trainers.

    Row ─columns─▶ the data file     Facts ─beside─▶ the trainer's own config
        └lineage─▶ lineage.jsonl     Sheet ─card───▶ README.md

Nothing here touches a run or the disk.
"""
